"""What every page has: its frame, its words, its headers; and where a visitor is led."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from flask import Response, g, render_template, request, url_for

from web.console import assets, formats, texts
from web.console.texts import Translator

THEME_COOKIE = "face_api_theme"
THEMES = ("auto", "light", "dark")
# The entries of the menu: their endpoint and icon, by the name under which the words know them.
MENU = {
    "dashboard": ("console.dashboard.show", "gauge"),
    "images": ("console.images.show_all", "image"),
    "jobs": ("console.jobs.show_all", "list"),
    "batches": ("console.batches.show_all", "layers"),
    "review": ("console.reviews.show", "eye"),
    "keys": ("console.keys.show_all", "key"),
    "test": ("console.trials.show", "flask"),
}
# No inline script or style; pictures are the service's own or made by the page itself.
CONTENT = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{what} {where}" for what, where in CONTENT.items()),
    "X-Content-Type-Options": "nosniff",
    # An address may hold an id; and a form that tells no origin at all would be refused.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def render(template: str, status: int = HTTPStatus.OK, **values: Any) -> Response:
    """Answer a page in the viewer's language."""
    voice = Translator(texts.language())
    frame = {
        "t": voice,
        "f": formats,
        "theme": theme(),
        "languages": texts.LANGUAGES,
        "menu": MENU,
        "admin": g.get("admin"),
        "asset": assets.address,
        "script_words": texts.section(voice.words, "script"),
        "here": here(),
        "request_id": g.request_id,
    }
    response = Response(render_template(f"console/{template}", **frame | values), status, mimetype="text/html")
    response.headers["Content-Language"] = voice.language
    response.vary.update(("Accept-Language", "Cookie"))
    return response


def secure(response: Response) -> Response:
    """Say what a browser may do with the answer: nothing that the console doesn't need."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def theme() -> str:
    """Return what was chosen: `light`, `dark`, or `auto` for what the system likes."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else THEMES[0]


def here() -> str:
    """Return the path and query of this page, to come back to; the first page where coming back would do something."""
    if request.method != "GET" or request.endpoint == "console.doors.show_login":
        return safe(request.args.get("next", ""))
    return safe(request.full_path.rstrip("?"))


def safe(target: str) -> str:
    """Return a path of the console as it is, and the dashboard's for anything that may lead elsewhere."""
    home = url_for("console.dashboard.show")
    try:
        parts = urlsplit(target)
    except ValueError:  # of brackets without an address
        return home
    # Browsers take a backslash for a slash, and drop what is no character.
    odd = "\\" in target or any(character.isspace() or not character.isprintable() for character in target)
    local = not parts.scheme and not parts.netloc and (parts.path + "/").startswith(home)
    return target if local and not odd and ".." not in parts.path else home
