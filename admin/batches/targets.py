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
class ServiceTarget:
    """A service and the administrator's credentials there. url: without a slash at its end."""

    url: str
    user: str
    password: str = field(repr=False)

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
        """Whether the password would cross a network unencrypted."""
        return not self.is_local and urlsplit(self.url).scheme == "http"


def resolve(url: str | None) -> ServiceTarget:
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
    if password:
        return ServiceTarget(chosen, settings.admin_user, password)
    if chosen == local_url and "FACE_API_ADMIN_PASSWORD" in variables:
        return ServiceTarget(
            chosen, variables.get("FACE_API_ADMIN_USER", "admin"), variables["FACE_API_ADMIN_PASSWORD"]
        )
    raise NoAccess(f"set FACE_API_ADMIN_USER and FACE_API_ADMIN_PASSWORD: the administrator of {chosen}")


def _validate(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise click.BadParameter("should be http://host[:port] or https://host[:port]", param_hint="--url")
    return url
