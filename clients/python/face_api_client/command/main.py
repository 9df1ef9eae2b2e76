"""The command `face-api` of the client: batches and videos, by a service that runs elsewhere."""

import click

from face_api_client.command.groups import LazyCommand, TerminalGroup

PLACE = "face_api_client.command"
REMOTE_COMMANDS = {
    "batch": LazyCommand(
        f"{PLACE}.batches.commands", "batch", "Submit many pictures to a service, and download the results."
    ),
    "video": LazyCommand(f"{PLACE}.videos.commands", "video", "Mask the faces of a video by a service."),
}


@click.group(cls=TerminalGroup, lazy_commands=REMOTE_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="face-api-client")
def main() -> None:
    """Find and mask faces in pictures and videos by a service."""


if __name__ == "__main__":
    main(prog_name="face-api")
