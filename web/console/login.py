"""Logging in and out, and what a viewer likes: all of it works without scripts."""

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from core.errors import RateLimited, Unauthenticated
from web import current
from web.auth import guards
from web.console import error_pages, pages, texts

A_YEAR_S = 365 * 86400
MAX_FORM_BYTES = 16 * 1024  # chosen: names, passwords and addresses fit

doors = Blueprint("doors", __name__)


@doors.get("/login")
@guards.login_page()
def show_login() -> BaseResponse:
    """Show the form; whoever is logged in already goes on."""
    target = pages.safe(request.args.get("next", ""))
    try:
        current.state().admins.authenticate()
    except Unauthenticated:
        return pages.render("login.html", target=target, username="")
    return redirect(target)


@doors.post("/login")
@guards.login_page("login")
def log_in() -> BaseResponse:
    """Begin a session and lead to where the visitor wanted to go, or say why not."""
    request.max_content_length = MAX_FORM_BYTES
    username, password = request.form.get("username", ""), request.form.get("password", "")
    target = pages.safe(request.form.get("next", ""))
    try:
        admin = current.state().admins.log_in(username, password)
    except (Unauthenticated, RateLimited) as error:
        return error_pages.page(error, "login.html", target=target, username=username)
    response = Response(status=303, headers={"Location": target})
    current.state().admins.open_session(admin, response)
    return response


@doors.post("/logout")
@guards.login_page()
def log_out() -> Response:
    """End the session: its cookie is worth nothing from then on."""
    response = Response(status=303, headers={"Location": pages.safe("") + "login"})
    current.state().admins.close_session(response)
    # What the browser has kept of the pictures goes as well.
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@doors.post("/preferences")
@guards.login_page()
def choose() -> Response:
    """Remember a language or a theme in this browser."""
    request.max_content_length = MAX_FORM_BYTES
    response = Response(status=303, headers={"Location": pages.safe(request.form.get("next", ""))})
    wanted = ((texts.COOKIE, "language", texts.LANGUAGES), (pages.THEME_COOKIE, "theme", pages.THEMES))
    for cookie, field, choices in wanted:
        if request.form.get(field) in choices:
            # The theme's is read by a script as well, so that changing it needs no new page.
            response.set_cookie(
                cookie, request.form[field], max_age=A_YEAR_S, path="/console", secure=request.is_secure, samesite="Lax"
            )
    return response
