"""What the provider publishes about itself, read when it is needed and remembered for a while."""

import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import httpx

from core.errors import ProviderUnavailable
from core.settings.types import is_loopback

Document = TypeVar("Document")
LIFETIME_S = 3600.0  # chosen: providers announce new keys for days
PAUSE_S = 5.0  # chosen: while a provider is down, one request in so many seconds waits for it, the others do not
DISCOVERY = "/.well-known/openid-configuration"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
OPTIONAL = ("userinfo_endpoint", "end_session_endpoint")


class Remembered(Generic[Document]):
    """Reads a document once for all threads; a failure is remembered, too, but not for long."""

    def __init__(self, read: Callable[[], Document], timer: Callable[[], float] = time.monotonic) -> None:
        self._read, self._timer = read, timer
        self._lock = threading.Lock()
        self._document: Document | None = None
        self._read_at = self._failed_at = float("-inf")

    def get(self, max_age_s: float = LIFETIME_S) -> Document:
        """Return the document, read again when it is older than that; ProviderUnavailable."""
        with self._lock:
            if self._document is not None and self._timer() - self._read_at < max_age_s:
                return self._document
            if self._timer() - self._failed_at < PAUSE_S:
                raise ProviderUnavailable
            try:
                self._document = self._read()
            except ProviderUnavailable:
                self._failed_at = self._timer()
                raise
            self._read_at = self._timer()
            return self._document


def discover(client: httpx.Client, issuer: str) -> dict[str, Any]:
    """Read the discovery document of a provider. ProviderUnavailable, also when it is another's or names plain HTTP."""
    document = fetch(client, issuer.rstrip("/") + DISCOVERY)
    if document.get("issuer") != issuer:
        raise ProviderUnavailable("its discovery document names another issuer") from ValueError(
            f"FACE_API_OIDC_ISSUER is {issuer!r}, and the document says {document.get('issuer')!r}"
        )
    optional = [name for name in OPTIONAL if name in document]
    wrong = [name for name in (*ENDPOINTS, *optional) if not _is_safe(document.get(name))]
    if wrong:
        raise ProviderUnavailable("its discovery document is not usable") from ValueError(f"no https URL: {wrong}")
    return document


def fetch(client: httpx.Client, url: str, token: str = "") -> dict[str, Any]:
    """Read a JSON object, with an access token where it takes one; ProviderUnavailable."""
    try:
        response = client.get(url, headers={"Authorization": f"Bearer {token}"} if token else {})
        response.raise_for_status()
        return dict(response.json())
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError) as error:
        raise ProviderUnavailable from error


def _is_safe(url: object) -> bool:
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    )
