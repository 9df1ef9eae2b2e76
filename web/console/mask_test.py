"""Trying the masks out: the form; the picture goes to the admin API from the page itself."""

from flask import Blueprint, Response

from web import current
from web.auth import guards
from web.console import fields, pages

trials = Blueprint("trials", __name__)


@trials.get("/test")
@guards.page()
def show() -> Response:
    """Show every option of a mask with its limits."""
    settings = current.services().settings
    limits = {"bytes": settings.max_upload_bytes, "pixels": settings.max_image_pixels}
    return pages.render("test.html", groups=fields.groups(), limits=limits)
