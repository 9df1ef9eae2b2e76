"""JSON that a caller wrote: of two members with one name a parser keeps the last and ignores the other silently."""

import json
from typing import Any, NoReturn


class RepeatedMember(ValueError):
    """An object of the text has two members with this name."""

    def __init__(self, name: str) -> None:
        super().__init__("This is given more than once")
        self.name = name


def load(text: str | bytes) -> Any:
    """Read a JSON text; RepeatedMember, and ValueError for what is no JSON or is nested too deeply to be read."""
    try:
        return json.loads(text, object_pairs_hook=_members, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise RepeatedMember(name)
        members[name] = value
    return members


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
