"""Errors as pages: in words, with the request's id. What a script asked for gets the API's own shape."""

import structlog
from flask import Response, current_app, redirect, request, url_for
from flask_limiter import RateLimitExceeded
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from core import errors
from core.errors import FaceApiError, FeatureDisabled, RateLimited, Unauthenticated
from web import errors as answers
from web.auth import admins, guards
from web.console import pages

log = structlog.get_logger(__name__)


def show(error: FaceApiError) -> BaseResponse:
    """Answer one of our errors."""
    guard = guards.of(current_app, request.endpoint)
    if guard is None or not guard.page:
        return answers.answer(error)
    if isinstance(error, Unauthenticated) and guard.who == "admin":
        return redirect(url_for("console.doors.show_login", next=pages.here()))
    if isinstance(error, FeatureDisabled):
        return pages.render("unavailable.html", tier=guard.tier or "storage")
    if isinstance(error, RateLimited) and guard.limit == "login":
        target = pages.safe(request.form.get("next", ""))
        return page(error, "login.html", target=target, username=request.form.get("username", ""))
    return page(error)


def page(error: FaceApiError, template: str = "error.html", **values: object) -> Response:
    """Show an error on a page, with the status and the headers that the API would give it."""
    told = answers.answer(error)
    minutes = -(-(error.retry_after_s or 0) // 60)
    shown = pages.render(template, told.status_code, error=error, minutes=minutes, **values)
    if told.status_code == 401:
        # A challenge of Basic would open the browser's own dialog.
        shown.headers["WWW-Authenticate"] = admins.PAGE_CHALLENGE
    return shown


def show_limit(error: RateLimitExceeded) -> BaseResponse:
    """Answer a caller who comes too often."""
    window_s = error.limit.limit.get_expiry()
    return show(errors.RateLimited(f"the limit is {error.limit.limit}", retry_after_s=window_s))


def show_framework(error: HTTPException) -> BaseResponse:
    """Answer what the framework refused."""
    code = error.code or 500
    if error.response is not None or 300 <= code < 400:
        return BaseResponse.force_type(error.get_response(), request.environ)
    refused = errors.UnreadableRequest if code < 500 else errors.InternalError
    return show(answers.HTTP_CASES.get(code, refused)())


def show_unknown(error: Exception) -> BaseResponse:
    """Answer a mistake of ours, without a word of what happened."""
    log.error("a page failed", exc_info=error)
    return show(errors.InternalError())
