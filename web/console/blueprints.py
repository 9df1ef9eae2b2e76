"""The console as one part of the app: its pages, and what all of them share."""

from flask import Blueprint, redirect, url_for
from flask_limiter import RateLimitExceeded
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from core.errors import FaceApiError, NotFound
from web.auth import guards
from web.console import error_pages, pages
from web.console.assets import assets
from web.console.batches import batches
from web.console.dashboards import dashboard
from web.console.images import images
from web.console.jobs import jobs
from web.console.keys import keys
from web.console.login import doors
from web.console.mask_test import trials
from web.console.reviews import reviews
from web.console.thumbnails import pictures

root = Blueprint("root", __name__)


@root.get("/")
@guards.anyone
def lead_in() -> BaseResponse:
    """Lead whoever opens the service in a browser to the console."""
    return redirect(url_for("console.dashboard.show"))


def build() -> Blueprint:
    """Put the console together, under /console."""
    console = Blueprint("console", __name__, url_prefix="/console", template_folder="templates")
    for part in (assets, doors, dashboard, images, jobs, batches, reviews, keys, trials, pictures):
        console.register_blueprint(part)
    console.add_url_rule("/<path:nowhere>", "find_nothing", find_nothing)
    console.register_error_handler(FaceApiError, error_pages.show)
    console.register_error_handler(RateLimitExceeded, error_pages.show_limit)
    console.register_error_handler(HTTPException, error_pages.show_framework)
    console.register_error_handler(Exception, error_pages.show_unknown)
    console.after_request(pages.secure)
    return console


@guards.page()
def find_nothing(nowhere: str) -> BaseResponse:
    """Say in words that there is no such page."""
    raise NotFound(f"there is no page {nowhere}")
