"""Logging in and out, and the language and theme of this browser: all of it works without scripts."""

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from core.errors import RateLimited, Unauthenticated
from web import current
from web.auth import guards, origins
from web.auth.log_ins import Admin
from web.console import error_pages, pages, texts

A_YEAR_S = 365 * 86400

login = Blueprint("login", __name__)


@login.get("/login")
@guards.login_page()
def show_login() -> BaseResponse:
    """Show the login form; a visitor with a session is redirected to the target."""
    target = pages.safe_target(request.args.get("next", ""))
    try:
        current.state().admins.authenticate()
    except Unauthenticated:
        ended = "next" in request.args and current.state().admins.log_ins.device() is not None
        return pages.render("login.html", target=target, username="", ended=ended)
    return redirect(target)


@login.get("/login/done")
@guards.login_page()
def show_done() -> BaseResponse:
    """Show that somebody has logged in, who wanted to go on in another tab."""
    if current.state().admins.session() is None:
        return redirect(url_for("console.login.show_login"))
    return pages.render("logged_in.html", target="")


@login.post("/login")
@guards.login_page("login")
def log_in() -> BaseResponse:
    """Start a session and redirect to the target; show the form again with the reason, or the one for a code."""
    request.max_content_length = pages.MAX_FORM_BYTES
    target, step = pages.safe_target(request.form.get("next", "")), request.form.get("step", "")
    try:
        admin = _of_code(step) if step else _of_password()
    except (Unauthenticated, RateLimited) as error:
        form = {"target": target, "username": request.form.get("username", ""), "step": step}
        return error_pages.render_error(error, "login.html", **form)
    if admin.needs_code:
        return pages.render("login.html", target=target, step=current.state().admins.log_ins.begin_second_step(admin))
    response = Response(status=303, headers={"Location": target})
    current.state().admins.open_session(admin, response)
    return response


def _of_password() -> Admin:
    return current.state().admins.log_ins.check(request.form.get("username", ""), request.form.get("password", ""))


def _of_code(step: str) -> Admin:
    """Return whose code this is; the token of the step opens nothing after that."""
    return current.state().admins.log_ins.finish_second_step(step, request.form.get("code", ""))


@login.post("/logout")
@guards.login_page()
def log_out() -> Response:
    """End the session: its cookie is invalid from then on. Lead on to the provider, where that was opened there."""
    state = current.state()
    session = state.admins.session() if state.single_sign_on else None
    there = state.single_sign_on.log_out(session) if state.single_sign_on and session else None
    if there:
        # No redirect: after a form it would be kept from other sites by the content security policy.
        response = pages.render("logged_out.html", url=there)
    else:
        response = Response(status=303, headers={"Location": url_for("console.login.show_login")})
    state.admins.close_session(response)
    # Cached thumbnails are deleted from the browser as well.
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@login.post("/preferences")
@guards.login_page()
def set_preferences() -> Response:
    """Store a language or a theme in a cookie of this browser."""
    request.max_content_length = pages.MAX_FORM_BYTES
    response = Response(status=303, headers={"Location": pages.safe_target(request.form.get("next", ""))})
    preferences = ((texts.COOKIE, "language", texts.LANGUAGES), (pages.THEME_COOKIE, "theme", pages.THEMES))
    for cookie, field, choices in preferences:
        if request.form.get(field) in choices:
            # A script writes the theme's cookie as well, so that changing it needs no page load.
            secure = origins.is_secure()
            response.set_cookie(
                cookie, request.form[field], max_age=A_YEAR_S, path="/console", secure=secure, samesite="Lax"
            )
    return response
