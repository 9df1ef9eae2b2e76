"""`face-api backup` and `face-api restore`: all that the service holds, to a folder and back."""

from pathlib import Path

import click

from core import config
from core.config import Settings
from core.contract.deeds import Deed
from core.errors import FeatureDisabled
from face_api_client.command.terminals import counted


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
def backup(folder: Path) -> None:
    """Copy all rows and the objects that they name into DIR, while the service runs.

    Run it again after it was interrupted, or later: what DIR holds already is not copied again, and what has been
    deleted since goes. DIR then holds originals with their faces, and hashes of keys: guard it like the service itself.
    """
    from admin.backups import backups

    settings = _settings()
    backups.require_newest_schema(settings)
    _record(settings, Deed.BACKED_UP)  # before an original is read, or it would be seen without a record
    done = backups.back_up(settings, folder, _tell)
    held = f"{counted(done.rows, 'row')}, {counted(done.objects, 'object')}"
    click.echo(f"backed up: {held} ({done.object_bytes / 1e6:,.1f} MB) in {folder}")
    click.echo(f"copied by this run: {counted(done.copied, 'object')}")
    if done.missing:
        click.echo(f"missing from the store, though rows name them: {counted(done.missing, 'object')}")


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--add", is_flag=True, help="Add to a service that is not empty; what it has stays as it is.")
def restore(folder: Path, add: bool) -> None:
    """Bring the backup in DIR into an empty service, whatever its database and store are. Stop the service before.

    Every digest is checked before anything is written. Run it again after it was interrupted.
    """
    from admin.backups import restores

    settings = _settings()
    done = restores.restore(settings, folder, _tell, add=add)
    _record(settings, Deed.RESTORED)
    click.echo(f"restored: {counted(done.rows, 'row')}, {counted(done.objects, 'object')}")
    click.echo(f"stored by this run: {counted(done.stored, 'object')}")
    if done.missing:
        click.echo(f"missing before the backup, though rows name them: {counted(done.missing, 'object')}")


def _settings() -> Settings:
    settings = config.load()
    if not settings.database_enabled:
        raise FeatureDisabled("there is nothing to back up or restore: FACE_API_DATABASE_ENABLED is false")
    return settings


def _record(settings: Settings, deed: Deed) -> None:
    from sqlalchemy.orm import Session

    from admin import actors
    from core.database import audits, engine

    actors.act_as_user()
    bind = engine.create(settings)
    try:
        with Session(bind) as session:
            audits.record(session, deed, None)
            session.commit()
    finally:
        bind.dispose()


def _tell(line: str) -> None:
    click.echo(line, err=True)
