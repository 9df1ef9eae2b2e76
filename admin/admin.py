"""`face-api admin`: what the administrator's own access needs."""

import click
from redis import RedisError

from admin import service
from core import config, services
from core.access import lockouts


@click.group()
def admin() -> None:
    """Manage the administrator's access."""


@admin.command()
def unlock() -> None:
    """Forget all failed log-ins: nobody is locked out any longer."""
    built = services.build(service.with_running_redis(config.load()))
    try:
        forgotten = lockouts.unlock(built.redis)
    except RedisError as error:
        raise click.ClickException(f"Redis can't be reached: {error}") from error
    click.echo(f"unlocked: {forgotten} {'address or browser' if forgotten == 1 else 'addresses or browsers'}")
