"""Which service is meant, and as whom: from the command line, the environment, or what `face-api up` wrote down."""

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import click

from admin import embedded, service
from core import config


class NoAccess(click.ClickException):
    exit_code = 2  # as for a misspelt option: nothing was begun


@dataclass(frozen=True)
class ServiceTarget:
    """A service and the administrator's credentials there. url: without a slash at its end."""

    url: str
    user: str
    password: str = field(repr=False)

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine: then no proxy stands between, and nobody listens on the way."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    @property
    def is_overheard(self) -> bool:
        """Whether the password would cross a network unencrypted."""
        return not self.is_local and urlsplit(self.url).scheme == "http"


def find(url: str | None) -> ServiceTarget:
    """Return the service that is meant; NoAccess when it or a password can't be told.

    What `face-api up` wrote down is the password of that service alone, and never sent to another.
    """
    settings = config.load()
    written = embedded.read_variables(service.credentials_file(settings))
    local = written.get("FACE_API_URL", "").rstrip("/")
    chosen = _checked(url.rstrip("/")) if url else local
    if not chosen:
        raise NoAccess("which service? give --url, or set FACE_API_URL")
    known = settings.admin_password.get_secret_value()
    if known:
        return ServiceTarget(chosen, settings.admin_user, known)
    if chosen == local and "FACE_API_ADMIN_PASSWORD" in written:
        return ServiceTarget(chosen, written.get("FACE_API_ADMIN_USER", "admin"), written["FACE_API_ADMIN_PASSWORD"])
    raise NoAccess(f"set FACE_API_ADMIN_USER and FACE_API_ADMIN_PASSWORD: the administrator of {chosen}")


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise click.BadParameter("should be http://host[:port] or https://host[:port]", param_hint="--url")
    return url
