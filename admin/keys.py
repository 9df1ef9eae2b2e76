"""`face-api keys`: create, list and revoke API keys."""

import click
from sqlalchemy.orm import Session

from admin import terminals
from core import config
from core.database import engine
from core.errors import FeatureDisabled
from core.keys import keys as store


@click.group()
def keys() -> None:
    """Create, list and revoke API keys."""


@keys.command()
@click.argument("name")
def create(name: str) -> None:
    """Create a key named NAME; the key itself is printed only this once."""
    with _session() as session:
        key, text = store.create(session, name)
        terminals.echo(f"{key.id}  {key.name}", err=True)
        terminals.echo(text)


@keys.command("list")
def list_keys() -> None:
    """List all keys: id, state, creation date, preview, name."""
    with _session() as session:
        for key in store.list_all(session):
            state = "active " if key.is_active else "revoked"
            terminals.echo(f"{key.id}  {state}  {key.created_at:%Y-%m-%d}  {key.key_preview}  {key.name}")


@keys.command()
@click.argument("which")
def revoke(which: str) -> None:
    """Revoke the key WHICH: its id, or the part of the preview before the dots."""
    with _session() as session:
        key = store.revoke(session, which)
        terminals.echo(f"{key.id}  revoked  {key.name}")


def _session() -> Session:
    settings = config.load()
    if not settings.database_enabled:
        raise FeatureDisabled(
            "API keys are stored in the database, which is disabled: FACE_API_DATABASE_ENABLED is false"
        )
    return engine.session_factory(settings)()
