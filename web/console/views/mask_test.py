"""The test page: masks a picture without storing it; its script sends the picture to the admin API."""

from flask import Blueprint, Response

from core.contract.presets import PRESETS
from web import current
from web.auth import guards
from web.console import fields, pages

mask_test = Blueprint("mask_test", __name__)


@mask_test.get("/test")
@guards.page("operator")
def show() -> Response:
    """Show a form with every mask option and its limits."""
    settings = current.services().settings
    limits = {"bytes": settings.max_upload_bytes, "pixels": settings.max_image_pixels}
    return pages.render("mask_test.html", groups=fields.groups(), presets=PRESETS, limits=limits)
