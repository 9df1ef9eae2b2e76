"""What the provider publishes about itself, read when it is needed and remembered for a while."""

import threading
import time
from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

import httpx
from authlib.common.urls import add_params_to_uri
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from core.contract import problems
from core.errors import ProviderUnavailable
from core.settings.types import is_loopback

Document = TypeVar("Document")
LIFETIME_S = 3600.0  # chosen: providers announce new keys for days
PAUSE_S = 5.0  # chosen: while a provider is down, one request in so many seconds waits for it, the others do not
DISCOVERY = "/.well-known/openid-configuration"
# What reading an answer of any shape raises: JSON may also be nested too deeply, or have endless numbers.
UNREADABLE = (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError, OverflowError, RecursionError)


def _endpoint(url: str) -> str:
    """Check that an address can be asked, and that browsers can be sent there with parameters of ours."""
    try:
        parts = httpx.URL(add_params_to_uri(url, []))
    except httpx.InvalidURL as error:
        raise ValueError(str(error)) from error
    if not parts.host or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.host))):
        raise ValueError("no https URL")
    return url


Endpoint = Annotated[str, AfterValidator(_endpoint)]


class ProviderMetadata(BaseModel):
    """What is needed of a discovery document."""

    model_config = ConfigDict(frozen=True, strict=True)

    authorization_endpoint: Endpoint
    token_endpoint: Endpoint
    jwks_uri: Endpoint
    userinfo_endpoint: Endpoint | None = None
    end_session_endpoint: Endpoint | None = None
    token_endpoint_auth_methods_supported: list[str] | None = None


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


def discover(client: httpx.Client, issuer: str) -> ProviderMetadata:
    """Read the discovery document of a provider. ProviderUnavailable, also when it is another's or names plain HTTP."""
    document = fetch(client, issuer.rstrip("/") + DISCOVERY)
    if document.get("issuer") != issuer:
        raise ProviderUnavailable("its discovery document names another issuer") from ValueError(
            f"FACE_API_OIDC_ISSUER is {issuer!r}, and the document says {document.get('issuer')!r}"
        )
    try:
        return ProviderMetadata.model_validate(document)
    except ValidationError as error:
        wrong = "; ".join(f"{one.field}: {one.message}" for one in problems.of(error))
        raise ProviderUnavailable("its discovery document is not usable") from ValueError(wrong)


def fetch(client: httpx.Client, url: str, token: str = "") -> dict[str, Any]:
    """Read a JSON object, with an access token where it takes one; ProviderUnavailable."""
    try:
        response = client.get(url, headers={"Authorization": f"Bearer {token}"} if token else {})
        response.raise_for_status()
        document = response.json()
    except UNREADABLE as error:
        raise ProviderUnavailable from error
    if not isinstance(document, dict):
        raise ProviderUnavailable from TypeError("the answer is no JSON object")
    return document
