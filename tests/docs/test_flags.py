"""The command as the documents tell of it: flags that there are, and all of them but options of calls."""

import re
from collections.abc import Iterator

import click
import pytest

from admin.main import main
from face_api_client.command.option_tables import MASK, VIDEO
from tests.docs import documents

# Told as those of `/mask` and `POST /videos` that they are.
OF_CALLS = {f"--{prefix}{field.name.replace('_', '-')}" for field in (*MASK, *VIDEO) for prefix in ("", "no-")}
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
COMMAND = re.compile(r"(?<![\w/])face-api((?: [a-z]+)+)([^`\n|#]*)")
TEXTS = "\n".join(path.read_text() for path in documents.all_documents())


def flags(command: click.Command) -> set[str]:
    """Return the flags of a command that its help shows."""
    shown = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    return {flag for option in shown for flag in (*option.opts, *option.secondary_opts)} | {"--help"}


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield each command that works, with the words that call it."""
    for name, listed in main.lazy_commands.items():
        command = listed.load()
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {below}", one) for below, one in command.commands.items())


FLAGS = {name: flags(command) for name, command in commands()}


def uses() -> list[tuple[str, str]]:
    """Return the command and the flag of each flag that stands behind a command in a document."""
    found = []
    for words, rest in COMMAND.findall(TEXTS):
        named = words.split()
        name = next((name for name in (" ".join(named[:2]), named[0]) if name in FLAGS), "")
        found += [(name, flag) for flag in FLAG.findall(rest)] if name else []
    return found


def test_documented_flags_exist() -> None:
    assert len(uses()) > 10
    # What is told of a group holds for the commands in it.
    known = {name: set().union(*(FLAGS[one] for one in FLAGS if f"{one} ".startswith(f"{name} "))) for name in FLAGS}
    assert [(name, flag) for name, flag in uses() if flag not in known[name]] == []


@pytest.mark.parametrize("name", FLAGS)
def test_flags_are_documented(name: str) -> None:
    told = set(FLAG.findall(TEXTS))
    assert FLAGS[name] - told - OF_CALLS - {"--webhook"} == set()  # the name that --webhook-url had before
