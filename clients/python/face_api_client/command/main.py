"""The command `face-api` of the client: batches and videos, by a service that runs elsewhere."""

import click

from face_api_client.command import terminals
from face_api_client.command.batches.commands import batch
from face_api_client.command.videos.commands import video


class TerminalGroup(click.Group):
    """Prints what services and files are called without control characters, in errors too."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            setattr(error, "message", terminals.printable_lines(error.message))  # noqa: B010 - final for mypy
            raise


REMOTE_COMMANDS = (batch, video)


@click.group(cls=TerminalGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="face-api-client")
def main() -> None:
    """Find and mask faces in pictures and videos by a service."""


for command in REMOTE_COMMANDS:
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="face-api")
