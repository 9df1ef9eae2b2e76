"""The command `face-api`: its subcommands, and short messages for errors that an operator can fix."""

import os

import click

from core.errors import FaceApiError
from core.errors.startup import SettingsError, WeightsError
from face_api_client.command import targets, terminals
from face_api_client.command.groups import LazyCommand, TerminalGroup
from face_api_client.command.main import REMOTE_COMMANDS
from face_api_client.command.targets import LocalSettings

PRIVATE = 0o077
# What these write is for whoever runs them: results of batches, and model files that the service's user reads.
FOR_OTHERS = {"batch", "video", "weights"}
OWN_COMMANDS = {
    "admin": LazyCommand("admin.admin", "admin", "Manage the administrator's access."),
    "admins": LazyCommand(
        "admin.admins", "admins", "Create, list and change administrators beside the one of the settings."
    ),
    "backup": LazyCommand(
        "admin.backups.commands",
        "backup",
        "Copy all rows and the objects that they name into DIR, while the service runs.",
    ),
    "beat": LazyCommand("admin.worker", "beat", "Run the scheduler of periodic tasks; exactly one per service."),
    "keys": LazyCommand("admin.keys", "keys", "Create, list, rotate and revoke API keys."),
    "maintenance": LazyCommand("admin.maintenance", "maintenance", "Maintain the storage and the database."),
    "migrate": LazyCommand("admin.migrate", "migrate", "Migrate the database to the newest schema."),
    "restore": LazyCommand(
        "admin.backups.commands",
        "restore",
        "Bring the backup in DIR into an empty service, whatever its database and store are.",
    ),
    "serve": LazyCommand("admin.serve", "serve", "Run the web tier on HOST and PORT."),
    "up": LazyCommand("admin.up", "up", "Start the whole service on this machine: Redis, web, worker and beat."),
    "weights": LazyCommand("admin.weights", "weights", "List, fetch and verify the model files."),
    "worker": LazyCommand("admin.worker", "worker", "Run a worker, which loads the model and executes the tasks."),
}


class NotStarted(click.ClickException):
    exit_code = 2  # as for a misspelt option: nothing was started


class FaceApiGroup(TerminalGroup):
    """Prints errors that an operator can fix as a few lines on stderr, never as a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except SettingsError as error:
            raise NotStarted(terminals.printable_lines(str(error))) from error
        except (WeightsError, FaceApiError) as error:
            raise click.ClickException(terminals.printable_lines(str(error))) from error
        except Exception as error:
            if refusal := _database_refusal(error):
                raise click.ClickException(refusal) from error
            raise


@click.group(
    cls=FaceApiGroup,
    lazy_commands=OWN_COMMANDS | REMOTE_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Find and mask faces in pictures, over HTTP: run and administer the service."""
    if ctx.invoked_subcommand not in FOR_OTHERS:
        # The database, the objects and the credentials are nobody else's; programs that are started inherit it.
        before = os.umask(PRIVATE)
        ctx.call_on_close(lambda: os.umask(before))
    ctx.meta[targets.LOCAL_SETTINGS] = _local_settings


def _database_refusal(error: Exception) -> str:
    """Tell what a database refuses, and which was asked: from another folder, it is not the service's. Else ''."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import DBAPIError

    from core import config

    if not isinstance(error, DBAPIError):
        return ""
    url = make_url(config.load().sqlalchemy_url).render_as_string(hide_password=True)
    where = f"asked was {url}; the service's own is named by FACE_API_DATABASE_URL, or lies below FACE_API_VAR_DIR"
    return f"the database refuses: {error.orig}\n{where}"


def _local_settings() -> LocalSettings:
    """Tell the commands of the client what the service knows: also from `.env`, and of secrets in files."""
    from core import config

    settings = config.load()
    return LocalSettings(settings.admin_user, settings.admin_password.get_secret_value(), settings.var_dir)


if __name__ == "__main__":
    main(prog_name="face-api")
