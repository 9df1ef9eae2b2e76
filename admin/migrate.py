"""`face-api migrate`: migrate the database to the newest schema."""

import click

from core import config
from core.config import Settings
from core.errors import FeatureDisabled


@click.command()
@click.option(
    "--worker-password",
    envvar="WORKER_DATABASE_PASSWORD",
    default="",
    help="Makes the role face-api-worker in a Postgres, which may do a worker's work alone. Best in the environment.",
    show_envvar=True,
)
def migrate(worker_password: str) -> None:
    """Migrate the database to the newest schema."""
    from sqlalchemy import make_url

    from core.database import migrations

    settings = config.load()
    if not settings.database_enabled:
        raise FeatureDisabled("there is no database to migrate: FACE_API_DATABASE_ENABLED is false")
    migrations.upgrade(settings)
    click.echo(f"up to date: {database_url(settings)}")
    if worker_password and make_url(settings.sqlalchemy_url).get_backend_name() == "postgresql":
        _ensure_worker(settings, worker_password)


def _ensure_worker(settings: Settings, password: str) -> None:
    """Make the worker's role; where the owner may make none, say so: workers then need the owner's URL."""
    from sqlalchemy.exc import ProgrammingError

    from admin import actors
    from core.database import migrations, roles

    actors.act_as_user()
    try:
        migrations.ensure_worker(settings, password)
    except ProgrammingError as error:
        reason = str(error.orig).strip().splitlines()[0]
        click.echo(f"the role {roles.WORKER} is not made, so workers need the owner's URL: {reason}", err=True)
    else:
        click.echo(f"workers may log in as {roles.WORKER}")


def database_url(settings: Settings) -> str:
    """Return the database's URL without its password."""
    from sqlalchemy import make_url

    return make_url(settings.sqlalchemy_url).render_as_string(hide_password=True)
