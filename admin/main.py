"""The command `face-api`: its subcommands, and short messages for errors that an operator can fix."""

import os

import click
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from admin.admin import admin
from admin.admins import admins
from admin.backups.commands import backup, restore
from admin.keys import keys
from admin.maintenance import maintenance
from admin.migrate import migrate
from admin.serve import serve
from admin.up import up
from admin.weights import weights
from admin.worker import beat, worker
from core import config
from core.errors import FaceApiError
from core.errors.startup import SettingsError, WeightsError
from face_api_client.command import targets, terminals
from face_api_client.command.main import REMOTE_COMMANDS, TerminalGroup
from face_api_client.command.targets import LocalSettings

PRIVATE = 0o077
# What these write is for whoever runs them: results of batches, and model files that the service's user reads.
FOR_OTHERS = {"batch", "video", "weights"}


class NotStarted(click.ClickException):
    exit_code = 2  # as for a misspelt option: nothing was started


class FaceApiGroup(TerminalGroup):
    """Prints errors that an operator can fix as a few lines on stderr, never as a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise NotStarted(terminals.printable_lines(str(error))) from error
        except (WeightsError, FaceApiError) as error:
            raise click.ClickException(terminals.printable_lines(str(error))) from error
        except DBAPIError as error:
            raise click.ClickException(f"the database refuses: {error.orig}\n{_which_database()}") from error


@click.group(cls=FaceApiGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(ctx: click.Context) -> None:
    """Find and mask faces in pictures, over HTTP: run and administer the service."""
    if ctx.invoked_subcommand not in FOR_OTHERS:
        # The database, the objects and the credentials are nobody else's; programs that are started inherit it.
        before = os.umask(PRIVATE)
        ctx.call_on_close(lambda: os.umask(before))
    ctx.meta[targets.LOCAL_SETTINGS] = _local_settings


def _which_database() -> str:
    """Tell which database was asked, without its password: from another folder, it is not the service's."""
    url = make_url(config.load().sqlalchemy_url).render_as_string(hide_password=True)
    return f"asked was {url}; the service's own is named by FACE_API_DATABASE_URL, or lies below FACE_API_VAR_DIR"


def _local_settings() -> LocalSettings:
    """Tell the commands of the client what the service knows: also from `.env`, and of secrets in files."""
    settings = config.load()
    return LocalSettings(settings.admin_user, settings.admin_password.get_secret_value(), settings.var_dir)


PROGRAMS = (up, serve, worker, beat)
for command in (*PROGRAMS, migrate, keys, weights, maintenance, *REMOTE_COMMANDS, admin, admins, backup, restore):
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="face-api")
