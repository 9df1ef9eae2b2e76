"""The own account: password, codes and open sessions; its script changes them through the admin API."""

from flask import Blueprint, Response, g

from core.access import admins
from core.settings.types import MIN_PASSWORD_LENGTH
from web import current
from web.auth import guards
from web.auth.sessions import owner_of
from web.console import pages

account = Blueprint("account", __name__)
# What a browser's User-Agent says, the telling words first: each names the ones after it as well.
BROWSERS = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
SYSTEMS = {"iPhone": "iOS", "iPad": "iPadOS", "Android": "Android", "Windows": "Windows", "Mac OS": "macOS"}


@account.get("/account")
@guards.page("viewer")
def show() -> Response:
    """Show who the viewer is, and where they are logged in."""
    row = None
    if g.admin.account_id:
        with current.session() as session:
            row = admins.get(session, g.admin.account_id)
    return pages.render(
        "account.html",
        row=row,
        sessions=current.state().admins.sessions.of_owner(owner_of(g.admin)),
        browser=browser,
        least=MIN_PASSWORD_LENGTH,
    )


def browser(user_agent: str) -> str:
    """Return a User-Agent as people call it: `Firefox, Linux`; one that is no browser's as it is."""
    found = next((name for word, name in BROWSERS.items() if word in user_agent), "")
    system = next((name for word, name in (SYSTEMS | {"Linux": "Linux"}).items() if word in user_agent), "")
    return ", ".join(filter(None, (found, system))) if found else user_agent
