"""What `face-api up` starts: the settings filled in, what they need brought about, the programs, the credentials."""

import secrets
from dataclasses import dataclass
from pathlib import Path

import click
from pydantic import SecretStr

from admin import embedded, migrate, serve, worker
from admin.supervisor import Program
from admin.weights import terminal
from core.config import Settings
from core.database import engine, migrations
from core.keys import keys
from core.weights import downloads

KEY_NAME = "make run"
LISTENS_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # only to know where to ask then


@dataclass(frozen=True)
class Service:
    """What is started: the settings that every program shall have, and the programs."""

    settings: Settings
    programs: list[Program]

    @property
    def url(self) -> str:
        """Where this machine reaches the web tier."""
        host = LISTENS_EVERYWHERE.get(self.settings.host, self.settings.host)
        return f"http://{serve.address(host, self.settings.port)}"

    @property
    def variables(self) -> dict[str, str]:
        """The settings that were filled in, as the programs read them."""
        return {
            "FACE_API_MODEL": self.settings.model,
            "FACE_API_REDIS_URL": self.settings.redis_url,
            "FACE_API_ADMIN_PASSWORD": self.settings.admin_password.get_secret_value(),
        }


def with_defaults(settings: Settings, weights_mirror: str) -> Settings:
    """Choose for an operator who has not: any model that can be had, and this mirror ('': none)."""
    wanted: dict[str, object] = {"model": "auto", "weights_mirror": weights_mirror}
    return settings.model_copy(
        update={name: value for name, value in wanted.items() if name not in settings.model_fields_set}
    )


def prepare(settings: Settings) -> Service:
    """Bring about the model file, the tables and a password, and say what will run."""
    with terminal() as listener:
        weights, reason = downloads.ensure(settings, listener)
    click.echo(f"model     {weights.name}: {reason}")
    if settings.database_enabled:
        migrations.upgrade(settings)
        click.echo(f"database  {migrate.database(settings)}")
    filled: dict[str, object] = {"model": weights.name, "admin_password": SecretStr(_password(settings))}
    programs = []
    if "redis_url" in settings.model_fields_set:
        click.echo("redis     the one that FACE_API_REDIS_URL names")
    else:
        redis, filled["redis_url"] = embedded.redis()
        programs.append(redis)
        click.echo("redis     embedded: loopback only, nothing on disk")
    settings = settings.model_copy(update=filled)
    programs.append(Program("web", serve.command(settings)))
    programs.append(Program("worker", worker.worker_command(settings)))
    programs.append(Program("beat", worker.beat_command()))
    return Service(settings, programs)


def credentials_file(settings: Settings) -> Path:
    return settings.var_dir / "dev.env"


def credentials(service: Service) -> dict[str, str]:
    """Return what a client needs, as it is told and written: a working API key where one is asked for."""
    found = {"FACE_API_URL": service.url}
    if service.settings.api_key_enabled:
        found["FACE_API_KEY"] = _key(service.settings)
    found["FACE_API_ADMIN_USER"] = service.settings.admin_user
    found["FACE_API_ADMIN_PASSWORD"] = service.settings.admin_password.get_secret_value()
    return found


def _password(settings: Settings) -> str:
    """Take the administrator's password from the settings, else from the last start, else make one."""
    known = embedded.read_variables(credentials_file(settings)).get("FACE_API_ADMIN_PASSWORD")
    return settings.admin_password.get_secret_value() or known or secrets.token_urlsafe(18)


def _key(settings: Settings) -> str:
    """Take the API key of the last start if it still works, else make one."""
    known = embedded.read_variables(credentials_file(settings)).get("FACE_API_KEY", "")
    with engine.session_factory(settings)() as session:
        found = keys.find(session, known)
        if found is not None and found.is_active:
            return known
        _, text = keys.create(session, KEY_NAME)
        return text
