"""Errors as HTML pages with the request's id. A route that a script calls answers the API's JSON instead."""

from collections.abc import Mapping

from flask import Response, current_app, redirect, request, url_for
from flask_limiter import RateLimitExceeded
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from core import errors
from core.errors import FaceApiError, FeatureDisabled, RateLimited, Unauthenticated
from web import errors as api_errors
from web.auth import admins, guards
from web.console import pages


def show_error(error: FaceApiError) -> BaseResponse:
    """Answer one of our errors; a visitor without a session is redirected to the login page."""
    guard = guards.of(current_app, request.endpoint)
    if guard is None or not guard.page:
        return api_errors.answer(error)
    if isinstance(error, Unauthenticated) and guard.who == "admin":
        return redirect(url_for("console.login.show_login", next=pages.current_path()))
    if isinstance(error, FeatureDisabled):
        return pages.render("unavailable.html", tier=guard.tier or "storage")
    if isinstance(error, RateLimited) and guard.limit == "login":
        form = _filled_in()
        target = pages.safe_target(form.get("next", ""))
        return render_error(error, "login.html", target=target, username=form.get("username", ""))
    return render_error(error)


def _filled_in() -> Mapping[str, str]:
    """Return what was filled in on the login page; nothing of a body that may be anything: no view has looked at it."""
    request.max_content_length = pages.MAX_FORM_BYTES
    try:
        return request.form
    except (FaceApiError, HTTPException):
        return {}


def render_error(error: FaceApiError, template: str = "error.html", **values: object) -> Response:
    """Render an error with the status and the headers that the API would give it."""
    api_response = api_errors.answer(error)
    minutes = -(-(error.retry_after_s or 0) // 60)
    response = pages.render(template, api_response.status_code, error=error, minutes=minutes, **values)
    if response.status_code == 401:
        # A challenge of Basic would open the browser's own dialog.
        response.headers["WWW-Authenticate"] = admins.PAGE_CHALLENGE
    return response


def show_rate_limit(error: RateLimitExceeded) -> BaseResponse:
    """Answer a caller who has used up a rate limit."""
    window_s = error.limit.limit.get_expiry()
    return show_error(errors.RateLimited(f"the limit is {error.limit.limit}", retry_after_s=window_s))


def show_http_error(error: HTTPException) -> BaseResponse:
    """Answer an HTTP error that Flask or Werkzeug raised."""
    code = error.code or 500
    if error.response is not None or 300 <= code < 400:
        return BaseResponse.force_type(error.get_response(), request.environ)
    default = errors.UnreadableRequest if code < 500 else errors.InternalError
    return show_error(api_errors.HTTP_CASES.get(code, default)())


def show_unexpected(error: Exception) -> BaseResponse:
    """Answer a bug of ours, without details of what happened."""
    return show_error(api_errors.internal(error))
