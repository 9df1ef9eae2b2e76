"""What pydantic finds wrong with a caller's input, as problems of fields that the caller knows."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from core.errors.problems import FieldProblem

NO_UUID = "Input should be a UUID"
UNKNOWN = "There is no such parameter or field here"
# Instead of pydantic's, by its type.
MESSAGES = {
    "extra_forbidden": UNKNOWN,
    "model_type": "Input should be an object",
    "dict_type": "Input should be an object",
    "too_short": "Name at least one",
    "uuid_type": NO_UUID,
    "uuid_parsing": NO_UUID,
}
# What the pattern of a field asks for, in words.
PATTERNS = {"webhook_url": "Write an address that begins with http:// or https://"}


def of(
    error: ValidationError, within: str = "", messages: Mapping[tuple[str, str], str] | None = None
) -> list[FieldProblem]:
    """Return the problems of an error. within: the name of the field that holds what was validated.

    messages: for some, by the name of the field and pydantic's type.
    """
    found = error.errors(include_url=False, include_context=False, include_input=False)
    named = [(_name(within, problem["loc"]), problem) for problem in found if not _repeats(problem, found)]
    own = messages or {}
    return [FieldProblem(name, own.get((name, problem["type"])) or _message(problem)) for name, problem in named]


def _repeats(problem: Any, found: Sequence[Any]) -> bool:
    """Whether it only says that a list is too short, because its members are wrong."""
    place = problem["loc"]
    return problem["type"] == "too_short" and any(
        len(other["loc"]) > len(place) and other["loc"][: len(place)] == place for other in found
    )


def _name(within: str, place: tuple[int | str, ...]) -> str:
    """Return a field's name as a caller writes it: `options.confidence`, `mask_regions[3].x2`; `body`: all."""
    name = ".".join(str(part) for part in ((within,) if within else ()) + place) or "body"
    # Other lists are older: clients know their entries as `add.3.x2`.
    return re.sub(r"(_regions)\.(\d+)", r"\1[\2]", name)


def _message(problem: Any) -> str:
    kind, field = problem["type"], str((problem["loc"] or ("",))[-1])
    if kind == "tuple_type" and field.endswith("_regions"):
        return "Input should be an array of at most 200 regions"
    if kind == "string_pattern_mismatch" and (words := PATTERNS.get(field)):
        return words
    return MESSAGES.get(kind) or str(problem["msg"]).removeprefix("Value error, ")
