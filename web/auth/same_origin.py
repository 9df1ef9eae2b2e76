"""Whether a page of this service sent the request, one of another site (CSRF), or none."""

from urllib.parse import urlsplit

from flask import request

from web.auth import cookies, origins


def is_ours() -> bool:
    """Whether a page of this service sent the request, or no page at all.

    A browser sends one of these headers with every unsafe request; a program, which can't be lured, sends none.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    source = request.headers.get("Origin", request.headers.get("Referer"))
    own = {_origin(request.host_url), _origin(origins.base_url())} - {None}
    return source is None or _origin(source) in own


def is_chosen() -> bool:
    """Whether the request is ours, or that of a person who has followed a link of another site.

    A page there sends requests for pictures and frames, too, as many as it likes.
    """
    followed = request.headers.get("Sec-Fetch-User") == "?1" and request.headers.get("Sec-Fetch-Dest") == "document"
    return followed or is_ours()


def is_from_page() -> bool:
    """Whether a page's script sent the request, as far as its headers say."""
    mode = request.headers.get("Sec-Fetch-Mode")
    if mode is not None:
        return mode != "navigate"
    sends_origin = any(name in request.headers for name in ("Origin", "X-Requested-With"))
    return sends_origin or cookies.read(cookies.SESSION) is not None


def _origin(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, f"{parts.hostname}:{port}") if parts.hostname else None
