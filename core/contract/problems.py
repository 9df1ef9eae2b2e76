"""What pydantic finds wrong with a caller's input, as problems of fields that the caller knows."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from core.errors.problems import FieldProblem


def of(
    error: ValidationError, within: str = "", messages: Mapping[tuple[str, str], str] | None = None
) -> list[FieldProblem]:
    """Return the problems of an error. within: the name of the field that holds what was validated.

    messages: for some, by the name of the field and pydantic's type.
    """
    found = error.errors(include_url=False, include_context=False, include_input=False)
    # A sequence is short by the entries that are wrong themselves.
    wrong_entries = {problem["loc"][:-1] for problem in found}
    found = [one for one in found if one["type"] != "too_short" or one["loc"] not in wrong_entries]
    named = [(_name(within, problem["loc"]), problem) for problem in found]
    own = messages or {}
    return [FieldProblem(name, own.get((name, problem["type"])) or _message(problem)) for name, problem in named]


def _name(within: str, place: tuple[int | str, ...]) -> str:
    """Return a field's name as a caller writes it: `options.confidence`, `mask_regions[3].x2`."""
    name = ".".join(str(part) for part in ((within,) if within else ()) + place)
    # Other lists are older: clients know their entries as `add.3.x2`.
    return re.sub(r"(_regions)\.(\d+)", r"\1[\2]", name)


def _message(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        return "There is no such parameter or field here"
    if problem["type"] == "model_type":
        return "Input should be an object"
    if problem["type"] in {"tuple_type", "too_long"} and str(problem["loc"][-1]).endswith("_regions"):
        return "Input should be an array of at most 200 regions"
    # Of Python's types the caller knows nothing.
    text = re.sub(r"^(List|Tuple|Set) should have (.*) items? after.*", r"There should be \2", str(problem["msg"]))
    return text.removeprefix("Value error, ")
