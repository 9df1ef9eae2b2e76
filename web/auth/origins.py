"""Where a request comes from and where it was sent to, behind proxies too: its address, host and scheme."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from core.config import Settings
from core.errors import UnreadableRequest

HEALTH = "/health"  # probes name the address of a machine or a container
SCHEMES = ("http", "https")


class TrustedProxies(ProxyFix):
    """Believes what so many proxies in front say of the client.

    Each of them adds the address it was called from; scheme and host are passed on as one value, whose last is the
    nearest proxy's. Ports and zones are taken off addresses: with them each connection would be another caller's.
    """

    def __init__(self, app: Any, count: int) -> None:
        super().__init__(app, x_for=count, x_proto=1, x_host=1)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        if addresses := environ.get("HTTP_X_FORWARDED_FOR"):
            environ["HTTP_X_FORWARDED_FOR"] = ",".join(_bare(one) for one in addresses.split(","))
        if schemes := environ.pop("HTTP_X_FORWARDED_PROTO", ""):
            last = schemes.split(",")[-1].strip().lower()
            environ |= {"HTTP_X_FORWARDED_PROTO": last} if last in SCHEMES else {}
        return super().__call__(environ, start_response)


def install(app: Flask, settings: Settings) -> None:
    """Find out about each request, and refuse one that names no address or another host."""
    if settings.trusted_proxies:
        app.wsgi_app = TrustedProxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]  # Flask's own advice
    public = urlsplit(settings.public_url)

    def locate() -> None:
        g.is_secure = request.is_secure or (public.scheme == "https" and public.netloc.lower() == request.host.lower())
        g.public_url = settings.public_url
        if settings.trusted_proxies and not _is_address(request.remote_addr or ""):
            raise UnreadableRequest("X-Forwarded-For holds no address where the trusted proxies put one")
        if request.path != HEALTH and not request.path.startswith(HEALTH + "/"):
            _require_host(settings.allowed_hosts)

    app.before_request(locate)


def is_secure() -> bool:
    """Whether the browser that sent this request has used https."""
    return bool(g.get("is_secure", False))


def base_url() -> str:
    """Return the URL that links to this service begin with, without a slash at its end."""
    return str(g.public_url or request.host_url.rstrip("/"))


def _require_host(allowed: tuple[str, ...]) -> None:
    host = request.host.lower()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if allowed and not any(name == one or (one[0] == "." and (name + ".").endswith(one + ".")) for one in allowed):
        raise UnreadableRequest("this service is not called by the host that the request names")


def _bare(forwarded: str) -> str:
    """Return `192.0.2.7` of `192.0.2.7:5555`, `fe80::1` of `"[fe80::1%eth0]:5555"`; anything else as it is.

    A zone says something on the proxy's machine alone, and may be of any length, which no column is.
    """
    text = forwarded.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    return text.partition("%")[0]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
