"""Rendering pages: the shared layout, texts and headers; and safe redirect targets."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from flask import Response, current_app, g, render_template, request, url_for

from web import current
from web.auth import guards, origins
from web.console import assets, formats, texts
from web.console.texts import Translator

MAX_FORM_BYTES = 16 * 1024  # chosen: names, passwords and addresses fit
THEME_COOKIE = "face_api_theme"
THEMES = ("auto", "light", "dark")
# Endpoint and icon of each menu entry, by its key in the texts.
MENU = {
    "dashboard": ("console.dashboard.show", "gauge"),
    "images": ("console.images.show_all", "image"),
    "jobs": ("console.jobs.show_all", "list"),
    "batches": ("console.batches.show_all", "layers"),
    "videos": ("console.videos.show_all", "film"),
    "review": ("console.reviews.show", "eye"),
    "keys": ("console.keys.show_all", "key"),
    "people": ("console.admins.show_all", "people"),
    "audit": ("console.audit.show_all", "lock"),
    "test": ("console.mask_test.show", "flask"),
}
# No inline scripts or styles; images are the service's own or created by the page itself.
CONTENT_POLICY = {
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
    "X-Content-Type-Options": "nosniff",
    # A URL may hold an id; and a form post without any origin would be refused.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def render(template: str, status: int = HTTPStatus.OK, **values: Any) -> Response:
    """Render a page in the viewer's language."""
    translator = Translator(texts.language())
    context = {
        "t": translator,
        "f": formats,
        "theme": theme(),
        "languages": texts.LANGUAGES,
        "menu": {name: entry for name, entry in MENU.items() if allows(entry[0])},
        "allows": allows,
        "admin": g.get("admin"),
        "asset_url": assets.asset_url,
        "single_sign_on": current.state().single_sign_on,
        "single_sign_on_url": single_sign_on_url,
        "single_sign_on_texts": single_sign_on_texts(translator),
        "script_texts": texts.for_scripts(translator.texts),
        "current_path": current_path(),
        "request_id": g.request_id,
    }
    response = Response(render_template(f"console/{template}", **context | values), status, mimetype="text/html")
    response.headers["Content-Language"] = translator.language
    response.vary.update(("Accept-Language", "Cookie"))
    return response


def single_sign_on_url(target: str) -> str:
    """Return where a log-in at the provider begins: on the host that the provider sends browsers back to."""
    return origins.base_url() + url_for("console.single_sign_on.begin", next=target)


def single_sign_on_texts(translator: Translator) -> dict[str, str]:
    """Return what the buttons to the provider say, `login` and `logout`: with its name, if the settings have one."""
    provider = current.state().single_sign_on
    name = provider.name if provider else ""
    keys = {"login": "login.sso", "logout": "login.out"}
    return {
        deed: translator(f"{key}.with", name=name) if name else translator(f"{key}.without_name")
        for deed, key in keys.items()
    }


def allows(endpoint: str) -> bool:
    """Whether the guard of a route lets the viewer in, who need not be offered what it would refuse."""
    admin, guard = g.get("admin"), guards.of(current_app, endpoint)
    return admin is None or guard is None or guard.role is None or admin.role.includes(guard.role)


def policy() -> str:
    """Return the content security policy, to which a page may add directives of its own."""
    return "; ".join(f"{directive} {sources}" for directive, sources in CONTENT_POLICY.items())


def set_security_headers(response: Response) -> Response:
    """Restrict what a browser may do with the response to what the console needs."""
    response.headers.setdefault("Content-Security-Policy", policy())
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def theme() -> str:
    """Return the chosen theme: `light`, `dark`, or `auto` for the system's preference."""
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else THEMES[0]


def current_path() -> str:
    """Return the path and query to come back to; for a page that changes something, its `next` or the dashboard."""
    if request.method != "GET" or request.endpoint == "console.login.show_login":
        return safe_target(request.args.get("next", ""))
    return safe_target(request.full_path.rstrip("?"))


def safe_target(target: str) -> str:
    """Return a path of the console unchanged, and the dashboard's for anything that may lead elsewhere."""
    dashboard = url_for("console.dashboard.show")
    try:
        parts = urlsplit(target)
    except ValueError:  # brackets without an IPv6 address
        return dashboard
    # Browsers read a backslash as a slash, and drop control characters.
    suspicious = "\\" in target or any(character.isspace() or not character.isprintable() for character in target)
    is_local = not parts.scheme and not parts.netloc and (parts.path + "/").startswith(dashboard)
    return target if is_local and not suspicious and ".." not in parts.path else dashboard
