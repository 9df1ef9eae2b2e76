"""The service as an HTTP client needs it: its URL, the credentials, time-outs."""

import ipaddress
from collections.abc import Generator
from typing import Any
from urllib.parse import urlsplit

import httpx

# The longest wait is for a picture that is searched thoroughly in a full queue.
TIMEOUT = httpx.Timeout(120.0, connect=5.0, pool=None)


class KeyAuth(httpx.Auth):
    """Sends an API key. As a header of the client it would go along with redirects to other hosts."""

    def __init__(self, key: str) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["X-API-Key"] = self._key
        yield request


def auth_of(api_key: str, basic_auth: tuple[str, str] | None) -> httpx.Auth | None:
    """Return the credentials; ValueError for two of them."""
    if api_key and basic_auth:
        raise ValueError("give an API key or a user with a password, not both")
    if basic_auth:
        user, password = (part.encode() for part in basic_auth)
        return httpx.BasicAuth(user, password)
    return KeyAuth(api_key) if api_key else None


def http_options(url: str, auth: httpx.Auth | None, timeout: httpx.Timeout | float) -> dict[str, Any]:
    """Return the arguments of an httpx client. url: http(s)://host[:port], ValueError for anything else."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("the URL should be http://host[:port] or https://host[:port]")
    # No proxy stands between two programs of one machine.
    return {"base_url": url.rstrip("/"), "auth": auth, "timeout": timeout, "trust_env": not is_local(url)}


def is_local(url: str) -> bool:
    """Whether a URL is of this machine: then there is no proxy between, and nobody can eavesdrop."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
