"""`face-api admin`: what the administrator's own access needs."""

from contextlib import closing
from typing import TYPE_CHECKING

import click

from core import config
from core.contract.deeds import Deed
from core.observability import logs

if TYPE_CHECKING:
    from core.database.engine import SessionFactory


@click.group()
def admin() -> None:
    """Manage the administrator's access."""


@admin.command()
def unlock() -> None:
    """Forget all failed log-ins: nobody is locked out any longer."""
    from redis import RedisError

    from admin import service
    from core import services
    from core.access import lockouts

    with closing(services.build(service.with_running_redis(config.load()))) as built:
        try:
            forgotten = lockouts.unlock(built.redis)
        except RedisError as error:
            raise click.ClickException(f"Redis can't be reached: {error}") from error
        if built.sessions is not None:
            _record(built.sessions, forgotten)
    click.echo(f"unlocked: {forgotten} {'address or browser' if forgotten == 1 else 'addresses or browsers'}")


def _record(sessions: "SessionFactory", forgotten: int) -> None:
    """Add a record to the audit trail; nobody stays locked out because the database is down."""
    from sqlalchemy.exc import SQLAlchemyError

    from admin import actors
    from core.database import audits

    actors.act_as_user()
    try:
        with sessions() as session:
            audits.record(session, Deed.LOG_INS_UNLOCKED, None, forgotten=forgotten)
            session.commit()
    except SQLAlchemyError as error:
        click.echo(f"warning: this is not in the audit trail: {logs.reason(error)}", err=True)
