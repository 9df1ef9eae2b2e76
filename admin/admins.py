"""`face-api admins`: create, list and change the administrators of the table."""

import sys
from typing import TYPE_CHECKING

import click

from core import config
from core.config import Settings
from core.contract.roles import Role
from core.errors import FeatureDisabled
from face_api_client.command import terminals

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from core.database.models import AdminAccount

ROLE = click.Choice([role.value for role in Role])


@click.group()
def admins() -> None:
    """Create, list and change administrators beside the one of the settings."""


@admins.command()
@click.argument("name")
@click.option("--role", type=ROLE, required=True, help="What the administrator may do.")
def create(name: str, role: str) -> None:
    """Create an administrator NAME; the password is asked for, or read from stdin."""
    from core.access import admins as store

    settings = _settings()
    password = _password()
    with _session(settings) as session:
        _print(store.create(session, name, password, Role(role), reserved=settings.admin_user))


@admins.command("list")
def list_admins() -> None:
    """List all administrators: id, state, role, creation date, last log-in, name."""
    from core.access import admins as store

    settings = _settings()
    terminals.echo(f"{'of the settings':36}  enabled   {Role.OWNER:8}  {'':10}  {'':16}  {settings.admin_user}")
    with _session(settings) as session:
        for account in store.list_all(session):
            _print(account)


@admins.command("role")
@click.argument("name")
@click.argument("role", type=ROLE)
def change_role(name: str, role: str) -> None:
    """Give the administrator NAME another role; it counts within a second, also for open sessions."""
    from core.access import admins as store

    with _session(_settings()) as session:
        _print(store.change(session, store.named(session, name).id, role=Role(role)))


@admins.command()
@click.argument("name")
def password(name: str) -> None:
    """Replace the password of the administrator NAME, which ends all sessions; it is asked for, or read from stdin."""
    from core.access import admins as store

    new = _password()
    with _session(_settings()) as session:
        _print(store.set_password(session, store.named(session, name).id, new))


@admins.command()
@click.argument("name")
def disable(name: str) -> None:
    """Let the administrator NAME in no more, and end all of its sessions."""
    from core.access import admins as store

    with _session(_settings()) as session:
        _print(store.change(session, store.named(session, name).id, is_enabled=False))


@admins.command()
@click.argument("name")
def enable(name: str) -> None:
    """Let the administrator NAME in again."""
    from core.access import admins as store

    with _session(_settings()) as session:
        _print(store.change(session, store.named(session, name).id, is_enabled=True))


@admins.command("reset-totp")
@click.argument("name")
def reset_totp(name: str) -> None:
    """Ask the administrator NAME for no codes any more: who has lost the device and the recovery codes."""
    from core.access import admins as store
    from core.access import second_factors

    with _session(_settings()) as session:
        _print(second_factors.disable(session, store.named(session, name).id))


@admins.command()
@click.argument("name")
def delete(name: str) -> None:
    """Delete the administrator NAME; what the audit trail says of it stays."""
    from core.access import admins as store

    with _session(_settings()) as session:
        account = store.named(session, name)
        store.delete(session, account.id)
        terminals.echo(f"{account.id}  deleted  {account.name}")


def _password() -> str:
    """Return a password that nobody sees in a list of processes: typed twice, or the first line of stdin."""
    if sys.stdin.isatty():
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return typed
    return sys.stdin.readline().rstrip("\r\n")


def _print(account: "AdminAccount") -> None:
    state = "enabled " if account.is_enabled else "disabled"
    seen = f"{account.last_login_at:%Y-%m-%d %H:%M}" if account.last_login_at else "never"
    terminals.echo(f"{account.id}  {state}  {account.role:8}  {account.created_at:%Y-%m-%d}  {seen:16}  {account.name}")


def _settings() -> Settings:
    settings = config.load()
    if not settings.database_enabled:
        raise FeatureDisabled(
            "administrators are stored in the database, which is disabled: FACE_API_DATABASE_ENABLED is false"
        )
    return settings


def _session(settings: Settings) -> "Session":
    from admin import actors
    from core.database import engine

    actors.act_as_user()
    return engine.session_factory(settings)()
