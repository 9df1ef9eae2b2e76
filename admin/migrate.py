"""`face-api migrate`: migrate the database to the newest schema."""

import click
from sqlalchemy import make_url

from core import config
from core.config import Settings
from core.database import migrations
from core.errors import FeatureDisabled


@click.command()
def migrate() -> None:
    """Migrate the database to the newest schema."""
    settings = config.load()
    if not settings.database_enabled:
        raise FeatureDisabled("there is no database to migrate: FACE_API_DATABASE_ENABLED is false")
    migrations.upgrade(settings)
    click.echo(f"up to date: {database_url(settings)}")


def database_url(settings: Settings) -> str:
    """Return the database's URL without its password."""
    return make_url(settings.sqlalchemy_url).render_as_string(hide_password=True)
