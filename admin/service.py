"""What `face-api up` starts: completed settings, model file and tables, the programs, the credentials."""

import secrets
from dataclasses import dataclass
from pathlib import Path

import click
from pydantic import SecretStr

from admin import actors, embedded, migrate, serve, worker
from admin.supervisor import Program
from admin.weights import terminal
from core.access import keys
from core.access.properties import KeyProperties
from core.config import Settings
from core.contract.scopes import Scope
from core.database import engine, migrations
from core.weights import downloads, manifest
from face_api_client.command import targets

KEY_NAME = "make run"
REDIS_LOG = "redis.log"
# All that the README and the clients' pages show; nothing of what others have made.
KEY_PROPERTIES = KeyProperties(scopes=(Scope.DETECT, Scope.MASK, Scope.BATCH, Scope.VIDEO))
LISTENS_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # only to know which address to connect to


@dataclass(frozen=True)
class Service:
    """The programs to run, and the settings that all of them get."""

    settings: Settings
    programs: list[Program]

    @property
    def url(self) -> str:
        """The URL of the web tier on this machine."""
        host = LISTENS_EVERYWHERE.get(self.settings.host, self.settings.host)
        return f"http://{serve.address(host, self.settings.port)}"

    @property
    def variables(self) -> dict[str, str]:
        """The settings that were filled in, as environment variables."""
        return {
            "FACE_API_MODEL": self.settings.model,
            "FACE_API_REDIS_URL": self.settings.redis_url,
            "FACE_API_ADMIN_PASSWORD": self.settings.admin_password.get_secret_value(),
        }


def with_defaults(settings: Settings, weights_mirror: str) -> Settings:
    """Fill in what the operator has not set: the best available model, and this mirror ('': none)."""
    defaults: dict[str, object] = {"model": "auto", "weights_mirror": weights_mirror}
    return settings.model_copy(
        update={name: value for name, value in defaults.items() if name not in settings.model_fields_set}
    )


def told_mirror(settings: Settings, weights_mirror: str) -> str:
    """Say where model files are taken from, and how not to where the operator may not know of it."""
    place = manifest.without_password(settings.weights_mirror)
    how = "; `make run WEIGHTS_MIRROR=` does without" if settings.weights_mirror == weights_mirror else ""
    return f"{place}: model files are taken from there{how}"


def prepare(settings: Settings) -> Service:
    """Provide the model file, the tables and a password, and print what will run."""
    with terminal() as listener:
        weights, reason = downloads.ensure(settings, listener)
    click.echo(f"model     {weights.name}: {reason}")
    if settings.database_enabled:
        migrations.upgrade(settings)
        click.echo(f"database  {migrate.database_url(settings)}")
    filled: dict[str, object] = {"model": weights.name, "admin_password": SecretStr(_password(settings))}
    programs = []
    if "redis_url" in settings.model_fields_set:
        click.echo("redis     the server of FACE_API_REDIS_URL")
    else:
        redis, url = embedded.redis(settings.var_dir / REDIS_LOG)
        filled["redis_url"] = url
        embedded.write_variables(_redis_file(settings), {"FACE_API_REDIS_URL": url})
        programs.append(redis)
        click.echo(f"redis     embedded: loopback only, no data on disk; its log is {settings.var_dir / REDIS_LOG}")
    settings = settings.model_copy(update=filled)
    programs.append(Program("web", serve.command(settings), stop_order=0))
    programs.append(Program("worker", worker.worker_command(settings)))
    programs.append(Program("maintenance", worker.maintenance_command()))
    programs.append(Program("beat", worker.beat_command()))
    return Service(settings, programs)


def with_running_redis(settings: Settings) -> Settings:
    """Name the Redis that `face-api up` has started in this folder, unless the operator names another."""
    url = targets.read_variables(_redis_file(settings)).get("FACE_API_REDIS_URL")
    return (
        settings
        if "redis_url" in settings.model_fields_set or not url
        else settings.model_copy(update={"redis_url": url})
    )


def _redis_file(settings: Settings) -> Path:
    return settings.var_dir / "redis.env"


def credentials_file(settings: Settings) -> Path:
    return settings.var_dir / targets.CREDENTIALS_FILE


def credentials(service: Service) -> dict[str, str]:
    """Return what a client needs, as environment variables: with a valid API key if one is required."""
    variables = {"FACE_API_URL": service.url}
    if service.settings.api_key_enabled:
        variables["FACE_API_KEY"] = _key(service.settings)
    variables["FACE_API_ADMIN_USER"] = service.settings.admin_user
    variables["FACE_API_ADMIN_PASSWORD"] = service.settings.admin_password.get_secret_value()
    return variables


def _password(settings: Settings) -> str:
    """Return the administrator's password: from the settings, else of the last start, else a new one."""
    previous = targets.read_variables(credentials_file(settings)).get("FACE_API_ADMIN_PASSWORD")
    return settings.admin_password.get_secret_value() or previous or secrets.token_urlsafe(18)


def _key(settings: Settings) -> str:
    """Return the API key of the last start if it is still active, else a new one."""
    previous = targets.read_variables(credentials_file(settings)).get("FACE_API_KEY", "")
    with engine.session_factory(settings)() as session:
        row = keys.find(session, previous)
        if row is not None and row.is_active:
            return previous
        actors.act_as_user()
        _, text = keys.create(session, KEY_NAME, KEY_PROPERTIES)
        return text
