"""`face-api keys`: create, list, rotate and revoke API keys."""

from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError

from core import config
from core.access.properties import KeyProperties
from core.contract import problems
from core.contract.scopes import DEFAULT_SCOPES, Scope
from core.errors import FeatureDisabled
from face_api_client.command import terminals

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from core.database.models import ApiKey

DAY_S = 86400
MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])
LIMITS = {"detect_limit": "detect", "mask_limit": "mask"}


@click.group()
def keys() -> None:
    """Create, list, rotate and revoke API keys."""


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    default=[scope.value for scope in DEFAULT_SCOPES],
    show_default=True,
    help="What the key may be used for; give it again for more.",
)
@click.option("--expires", "expires_at", type=MOMENT, metavar="DATE[THH:MM]", help="When it ends, in UTC.")
@click.option(
    "--network",
    "allowed_networks",
    metavar="CIDR",
    multiple=True,
    help="From where it may be used: 10.0.0.0/8.",
)
@click.option("--detect-limit", metavar="RATE", help="Detect calls, such as 600/minute, instead of the settings'.")
@click.option("--mask-limit", metavar="RATE", help="Mask calls, such as 300/minute, instead of the settings'.")
def create(name: str, **arguments: Any) -> None:
    """Create a key named NAME; the key itself is printed only this once."""
    from core.access import keys as store

    properties = _properties(arguments)
    with _session() as session:
        _print_new(*store.create(session, name, properties))


@keys.command("list")
def list_keys() -> None:
    """List all keys: id, state, creation date, preview, scopes, end, name."""
    from core.access import keys as store

    with _session() as session:
        for key in store.list_all(session):
            end = f"{key.expires_at:%Y-%m-%d %H:%M}" if key.expires_at else "never"
            scopes = ",".join(key.scopes)
            terminals.echo(
                f"{key.id}  {_state(key)}  {key.created_at:%Y-%m-%d}  {key.key_preview}  {scopes}  {end}  {key.name}"
            )


@keys.command()
@click.argument("which")
@click.option(
    "--overlap",
    "overlap_s",
    type=click.IntRange(0),
    default=DAY_S,
    show_default=True,
    metavar="SECONDS",
    help="How long the old key is accepted beside the new one.",
)
def rotate(which: str, overlap_s: int) -> None:
    """Create a key in place of WHICH: its id, or the part of the preview before the dots."""
    from core.access import keys as store

    with _session() as session:
        _print_new(*store.rotate(session, store.match(session, which).id, overlap_s))


@keys.command()
@click.argument("which")
def revoke(which: str) -> None:
    """Revoke the key WHICH: its id, or the part of the preview before the dots."""
    from core.access import keys as store

    with _session() as session:
        key = store.revoke(session, which)
        terminals.echo(f"{key.id}  revoked  {key.name}")


def _properties(arguments: dict[str, Any]) -> KeyProperties:
    limits = {name: arguments.pop(option) for option, name in LIMITS.items()}
    try:
        return KeyProperties.model_validate(arguments | {"rate_limits": limits})
    except ValidationError as error:
        raise click.UsageError("; ".join(f"{one.field}: {one.message}" for one in problems.of(error))) from error


def _print_new(key: "ApiKey", text: str) -> None:
    terminals.echo(f"{key.id}  {key.name}", err=True)
    terminals.echo(text)


def _state(key: "ApiKey") -> str:
    from core.database.clock import now

    if not key.is_active:
        return "revoked"
    return "expired" if key.expires_at and key.expires_at <= now() else "active "


def _session() -> "Session":
    from admin import actors
    from core.database import engine

    settings = config.load()
    if not settings.database_enabled:
        raise FeatureDisabled(
            "API keys are stored in the database, which is disabled: FACE_API_DATABASE_ENABLED is false"
        )
    actors.act_as_user()
    return engine.session_factory(settings)()
