"""The console's blueprint: its pages, error handlers and headers."""

from flask import Blueprint, redirect, url_for
from flask_limiter import RateLimitExceeded
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from core.errors import FaceApiError, NotFound
from web.auth import guards
from web.console import error_pages, pages
from web.console.assets import assets
from web.console.views.account import account
from web.console.views.admins import admins
from web.console.views.audit import audit
from web.console.views.batches import batches
from web.console.views.dashboards import dashboard
from web.console.views.images import images
from web.console.views.jobs import jobs
from web.console.views.keys import keys
from web.console.views.login import login
from web.console.views.mask_test import mask_test
from web.console.views.reviews import reviews
from web.console.views.search import search
from web.console.views.single_sign_on import single_sign_on
from web.console.views.thumbnails import thumbnails
from web.console.views.videos import videos

root = Blueprint("root", __name__)


@root.get("/")
@guards.anyone
def redirect_to_console() -> BaseResponse:
    """Redirect a browser that opens the service's root to the console."""
    return redirect(url_for("console.dashboard.show"))


def build() -> Blueprint:
    """Assemble the console under /console."""
    console = Blueprint("console", __name__, url_prefix="/console", template_folder="templates")
    lists = (dashboard, images, jobs, batches, videos, reviews, keys, admins, audit)
    for part in (assets, login, single_sign_on, account, *lists, mask_test, search, thumbnails):
        console.register_blueprint(part)
    console.add_url_rule("/<path:path>", "unknown_page", unknown_page)
    console.register_error_handler(FaceApiError, error_pages.show_error)
    console.register_error_handler(RateLimitExceeded, error_pages.show_rate_limit)
    console.register_error_handler(HTTPException, error_pages.show_http_error)
    console.register_error_handler(Exception, error_pages.show_unexpected)
    console.after_request(pages.set_security_headers)
    return console


@guards.page("viewer")
def unknown_page(path: str) -> BaseResponse:
    """Answer every other path with the console's own 404 page."""
    raise NotFound(f"there is no page /console/{path}")
