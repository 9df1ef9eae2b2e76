"""The service to call and its credentials: from the command line, the environment, or `face-api up`'s own file."""

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import click

from admin import embedded, service
from core import config


class NoAccess(click.ClickException):
    exit_code = 2  # as for a misspelt option: nothing was started


@dataclass(frozen=True)
class GivenKey:
    """An API key that was given. is_named: on the command line, so it is meant even where there is a password."""

    text: str = field(default="", repr=False)
    is_named: bool = False


NO_KEY = GivenKey()


@dataclass(frozen=True)
class ServiceTarget:
    """A service and the credentials there: an API key, or the administrator's. url: without a slash at its end."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)

    @property
    def credentials(self) -> str:
        """Where the credentials are from, for whoever has to check them."""
        return "the API key and its scopes" if self.api_key else "FACE_API_ADMIN_USER and FACE_API_ADMIN_PASSWORD"

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine: then there is no proxy between, and nobody can eavesdrop."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    @property
    def sends_in_clear(self) -> bool:
        """Whether the credentials would cross a network unencrypted."""
        return not self.is_local and urlsplit(self.url).scheme == "http"


def resolve(url: str | None, key: GivenKey = NO_KEY) -> ServiceTarget:
    """Return the service and its credentials; NoAccess if either is unknown.

    The password that `face-api up` has written is for that service alone, and never sent to another.
    """
    settings = config.load()
    variables = embedded.read_variables(service.credentials_file(settings))
    local_url = variables.get("FACE_API_URL", "").rstrip("/")
    chosen = _validate(url.rstrip("/")) if url else local_url
    if not chosen:
        raise NoAccess("which service? give --url, or set FACE_API_URL")
    password = settings.admin_password.get_secret_value()
    if key.text and key.is_named:
        return ServiceTarget(chosen, api_key=key.text)
    if password:
        return ServiceTarget(chosen, settings.admin_user, password)
    if chosen == local_url and "FACE_API_ADMIN_PASSWORD" in variables:
        return ServiceTarget(
            chosen, variables.get("FACE_API_ADMIN_USER", "admin"), variables["FACE_API_ADMIN_PASSWORD"]
        )
    if key.text:
        return ServiceTarget(chosen, api_key=key.text)
    raise NoAccess(f"give --api-key, or set FACE_API_ADMIN_USER and FACE_API_ADMIN_PASSWORD: of {chosen}")


def _validate(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise click.BadParameter("should be http://host[:port] or https://host[:port]", param_hint="--url")
    return url
