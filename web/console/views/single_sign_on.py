"""Logging in at the identity provider: browsers are sent there, and come back. All of it works without scripts."""

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from core.contract.deeds import Deed
from core.errors import FaceApiError, MissingRole, NotFound, ProviderUnavailable, Unauthenticated
from core.observability import logs
from web import current
from web.auth import cookies, guards, same_origin
from web.auth.log_ins import Admin
from web.auth.oidc import flows
from web.auth.oidc.refusals import LoginRefused
from web.auth.oidc.single_sign_on import CALLBACK_PATH, METHOD, SingleSignOn
from web.console import error_pages, pages

log = logs.get(__name__)

single_sign_on = Blueprint("single_sign_on", __name__)


@single_sign_on.get("/login/oidc")
@guards.login_page("login")
def begin() -> BaseResponse:
    """Send the browser to the provider, with a cookie that it has to come back with.

    What a page of another site makes a browser fetch leads to the login page instead, and begins nothing.
    """
    target = pages.safe_target(request.args.get("next", ""))
    if not same_origin.is_chosen():
        return redirect(url_for("console.login.show_login", next=target))
    try:
        url, browser = _enabled().begin(target)
    except ProviderUnavailable as error:
        return _refused(error, "unavailable", target)
    response = Response(status=303, headers={"Location": url})
    # Whoever comes back comes from the provider's site, so the strict cookies stay away from that request.
    cookies.write(response, flows.COOKIE, browser, flows.LIFETIME_S, "Lax")
    return response


@single_sign_on.get(CALLBACK_PATH.removeprefix("/console"))
@guards.login_page()
def finish() -> BaseResponse:
    """Start a session of whoever the provider names, and go on to where they wanted; show the form again otherwise."""
    try:
        login = _enabled().finish(request.args, cookies.read(flows.COOKIE) or "")
    except ProviderUnavailable as error:
        return _ended(_refused(error, "unavailable"))
    except LoginRefused as refused:
        return _ended(_not_let_in(refused))
    # No redirect: it would belong to the way from the provider's site, so the new session's cookie would stay away.
    response = pages.render("logged_in.html", target=login.target)
    identity = login.identity
    admin = Admin(identity.username, identity.role, method=METHOD, subject=login.subject)
    session = current.state().admins.open_session(admin, response, subject=identity.subject)
    _enabled().remember(session, login)
    return _ended(response)


def _enabled() -> SingleSignOn:
    found = current.state().single_sign_on
    if found is None:
        raise NotFound("there is no single sign-on: FACE_API_OIDC_ISSUER is not set")
    return found


def _not_let_in(refused: LoginRefused) -> Response:
    """Say why on the login page and in the log; a record takes more than a made-up address of this page."""
    log.warning("oidc_login_refused", refusal=refused.refusal, reason=refused.reason)
    error = MissingRole() if refused.refusal in {"no_role", "name_taken"} else Unauthenticated()
    if refused.refusal != "stale":
        detail = {"method": METHOD, "reason": refused.refusal, "subject": refused.subject}
        current.state().trail.add_if_possible(Deed.LOG_IN, error.code, None, **detail)
    return _refused(error, refused.refusal)


def _refused(error: FaceApiError, why: str, target: str = "") -> Response:
    target = target or pages.safe_target("")
    return error_pages.render_error(error, "login.html", target=target, username="", why=why)


def _ended(response: Response) -> Response:
    """Take the cookie of the log-in away: it is over."""
    cookies.write(response, flows.COOKIE, "", 0, "Lax")
    return response
