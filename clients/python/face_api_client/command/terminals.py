"""Printing what others have named or said: files, keys, a service. None of it has power over a terminal."""

import unicodedata

import click


def printable(text: str) -> str:
    """Return a text with an escape (`\\x1b`, `\\u202e`, `\\n`) for each character that a terminal doesn't just show."""
    return "".join(
        character if character.isprintable() or unicodedata.category(character) == "Zs" else _escaped(character)
        for character in text
    )


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, which has an s unless it is one: 1 face, 1,200 faces."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def echo(line: str, *, err: bool = False) -> None:
    """Print one line; what would begin another, or change how something looks, is escaped."""
    click.echo(printable(line), err=err)


def printable_lines(text: str) -> str:
    """Return a text of several lines with each of them printable."""
    return "\n".join(printable(line) for line in text.split("\n"))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
