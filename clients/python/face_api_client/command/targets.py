"""The service to call and its credentials: from the command line, the environment, or `face-api up`'s own file."""

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from face_api_client import connections
from face_api_client.command import terminals

# Of click's context: what returns LocalSettings, where the command is a part of the service's own.
LOCAL_SETTINGS = "face-api.local-settings"
CREDENTIALS_FILE = "dev.env"
KEY = "face-api.key"
Command = TypeVar("Command", bound=Callable[..., Any])


class NoAccess(click.ClickException):
    exit_code = 2  # as for a misspelt option: nothing was started


@dataclass(frozen=True)
class LocalSettings:
    """What this machine knows of the administrator, and the folder in which `face-api up` keeps its files."""

    admin_user: str
    admin_password: str = field(repr=False)
    var_dir: Path

    @classmethod
    def of_environment(cls) -> Self:
        password_file = os.environ.get("FACE_API_ADMIN_PASSWORD_FILE")
        try:
            secret = Path(password_file).read_text().strip() if password_file else ""
        except OSError as error:
            raise NoAccess(f"FACE_API_ADMIN_PASSWORD_FILE: {error.filename}: {error.strerror}") from error
        return cls(
            os.environ.get("FACE_API_ADMIN_USER") or "admin",
            os.environ.get("FACE_API_ADMIN_PASSWORD") or secret,
            Path(os.environ.get("FACE_API_VAR_DIR") or "var"),
        )


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
        return connections.is_local(self.url)

    @property
    def sends_in_clear(self) -> bool:
        """Whether the credentials would cross a network unencrypted."""
        return not self.is_local and urlsplit(self.url).scheme == "http"


def service_options(command: Command) -> Command:
    """Add the options that say which service, and the key there; chosen() reads them."""
    for option in (
        click.option("--url", envvar="FACE_API_URL", help="The service's URL, http(s)://host[:port]."),
        click.option(
            "--api-key",
            envvar="FACE_API_KEY",
            expose_value=False,
            callback=_keep_key,
            help="An API key with the scope for this, instead of the administrator's password; better in FACE_API_KEY.",
        ),
    ):
        command = option(command)
    return command


def chosen(url: str | None) -> ServiceTarget:
    """Return the service of a command with service_options, and say so if what is sent there can be read on the way."""
    target = resolve(url, click.get_current_context().meta[KEY])
    if target.sends_in_clear:
        terminals.echo(
            f"warning: {target.url} is not https: the credentials and the pictures are sent unencrypted", err=True
        )
    return target


def resolve(url: str | None, key: GivenKey = NO_KEY) -> ServiceTarget:
    """Return the service and its credentials; NoAccess if either is unknown.

    The password that `face-api up` has written is for that service alone, and never sent to another.
    """
    settings = _local_settings()
    variables = read_variables(settings.var_dir / CREDENTIALS_FILE)
    local_url = variables.get("FACE_API_URL", "").rstrip("/")
    chosen = _validate(url.rstrip("/")) if url else local_url
    if not chosen:
        raise NoAccess("which service? give --url, or set FACE_API_URL")
    if key.text and key.is_named:
        return ServiceTarget(chosen, api_key=key.text)
    if settings.admin_password:
        return ServiceTarget(chosen, settings.admin_user, settings.admin_password)
    if chosen == local_url and "FACE_API_ADMIN_PASSWORD" in variables:
        return ServiceTarget(
            chosen, variables.get("FACE_API_ADMIN_USER", "admin"), variables["FACE_API_ADMIN_PASSWORD"]
        )
    if key.text:
        return ServiceTarget(chosen, api_key=key.text)
    raise NoAccess(f"give --api-key, or set FACE_API_ADMIN_USER and FACE_API_ADMIN_PASSWORD: of {chosen}")


def read_variables(file: Path) -> dict[str, str]:
    """Read NAME=value lines as a shell would; other lines are ignored, a missing file is empty."""
    try:
        words = shlex.split(file.read_text(), comments=True)
    except (OSError, ValueError):
        return {}
    return {name: value for name, equals, value in (word.partition("=") for word in words) if equals}


def _keep_key(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Keep the key for chosen(): named on the command line it stands above the password, in the environment below."""
    named = param.name is not None and ctx.get_parameter_source(param.name) == ParameterSource.COMMANDLINE
    ctx.meta[KEY] = GivenKey(value or "", is_named=named)


def _local_settings() -> LocalSettings:
    context = click.get_current_context(silent=True)
    known: Callable[[], LocalSettings] | None = context.meta.get(LOCAL_SETTINGS) if context else None
    return known() if known else LocalSettings.of_environment()


def _validate(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise click.BadParameter("should be http://host[:port] or https://host[:port]", param_hint="--url")
    return url
