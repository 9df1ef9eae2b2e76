"""The group that a command begins with: it imports what was asked for alone, and tells in a line what ended it."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import click

from face_api_client.command import terminals

INTERRUPTED = 130  # the shell's exit status for a program that Ctrl-C has ended


@dataclass(frozen=True)
class LazyCommand:
    """A command by the module that has it, for a list of commands without importing them. help: its first sentence."""

    module: str
    name: str
    help: str

    def load(self) -> click.Command:
        return cast(click.Command, getattr(importlib.import_module(self.module), self.name))


class TerminalGroup(click.Group):
    """Prints what services and files are called without control characters, in errors too."""

    def __init__(self, *args: Any, lazy_commands: Mapping[str, LazyCommand], **named: Any) -> None:
        super().__init__(*args, **named)
        self.lazy_commands = lazy_commands

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self.lazy_commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = self.lazy_commands.get(cmd_name)
        return found.load() if found else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        names = self.list_commands(ctx)
        width = formatter.width - 6 - max(map(len, names))  # as click does
        listed = {name: click.Command(name, help=self.lazy_commands[name].help) for name in names}
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(width)) for name, command in listed.items()])

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            setattr(error, "message", terminals.printable_lines(error.message))  # noqa: B010 - final for mypy
            raise
        except KeyboardInterrupt:
            terminals.echo("interrupted", err=True)
            raise SystemExit(INTERRUPTED) from None
