"""One option as the command takes it, and what is wrong with a value: told before anything is sent."""

import json
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["choice", "boolean", "integer", "number", "text", "regions"]
MAX_REGIONS = 200
MAX_COORDINATE = 1_000_000
SIDES = ("x1", "y1", "x2", "y2")


@dataclass(frozen=True)
class OptionField:
    """One option. choices: all values of a "choice", the words that an "integer" may be instead; else empty.

    minimum, maximum: inclusive, None without a limit. default: None leaves it to the service's settings.
    """

    name: str
    kind: Kind
    description: str
    default: Any = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    def checked(self, value: Any) -> Any:
        """Return a value as the service takes it; ValueError says what is wrong with it."""
        if self.kind == "regions":
            return value
        if self.kind == "integer" and self.choices:  # a number that may be a word
            if value in self.choices:
                return value
            value = _whole(value)
        if self.minimum is not None and not value >= self.minimum:
            raise ValueError(f"Input should be greater than or equal to {self.minimum:g}")
        if self.maximum is not None and not value <= self.maximum:
            raise ValueError(f"Input should be less than or equal to {self.maximum:g}")
        return value


class WrongRegions(ValueError):
    """place: which region and which of its members, as `[3].x2`; empty for the text itself."""

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message)
        self.place = place


def regions(text: str) -> list[dict[str, Any]]:
    """Read regions as the API takes them in a form: a JSON array; WrongRegions for anything else."""
    try:
        sent = json.loads(text, object_pairs_hook=_members)
    except (ValueError, RecursionError) as error:
        if isinstance(error, WrongRegions):
            raise
        raise WrongRegions('Send a JSON array, such as [{"x1": 0, "y1": 0, "x2": 90, "y2": 60}]') from error
    if not isinstance(sent, list) or len(sent) > MAX_REGIONS:
        raise WrongRegions(f"Input should be an array of at most {MAX_REGIONS} regions")
    return [_region(one, f"[{place}]") for place, one in enumerate(sent)]


def _whole(value: Any) -> int:
    try:
        return int(value)
    except ValueError as error:
        raise ValueError("Input should be a valid integer") from error


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise WrongRegions("A member is given more than once")
    return members


def _region(sent: Any, place: str) -> dict[str, Any]:
    if not isinstance(sent, dict):
        raise WrongRegions("Input should be an object", place)
    if unknown := sent.keys() - {*SIDES, "unit"}:
        raise WrongRegions("There is no such parameter or field here", f"{place}.{min(unknown)}")
    unit = sent.get("unit", "pixels")
    if unit not in ("pixels", "relative"):
        raise WrongRegions("Input should be 'pixels' or 'relative'", f"{place}.unit")
    for side in SIDES:
        _check_coordinate(sent, side, unit, place)
    for first, second in (("x1", "x2"), ("y1", "y2")):
        if sent[second] <= sent[first]:
            raise WrongRegions(f"This should be greater than {first}", f"{place}.{second}")
    return {"unit": unit} | {side: sent[side] for side in SIDES}


def _check_coordinate(sent: dict[str, Any], side: str, unit: str, place: str) -> None:
    if side not in sent:
        raise WrongRegions("Field required", f"{place}.{side}")
    value = sent[side]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongRegions("Input should be a valid number", f"{place}.{side}")
    if not abs(value) <= MAX_COORDINATE:
        raise WrongRegions("This coordinate is out of range", f"{place}.{side}")
    if unit == "relative" and not 0 <= value <= 1:
        raise WrongRegions("A relative coordinate lies between 0 and 1", f"{place}.{side}")
