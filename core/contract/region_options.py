"""Regions that a caller names: what is always masked, and where faces are left as they are."""

from typing import Annotated, Any, Literal

from pydantic import Field, StrictFloat, ValidationInfo, field_validator

from core.contract import json_texts
from core.contract.json_texts import RepeatedMember
from core.contract.models import FrozenModel
from core.contract.reports import Box, Face
from core.errors import InvalidOption
from core.errors.problems import FieldProblem

MAX_REGIONS = 200
TOO_MANY = f"Input should be an array of at most {MAX_REGIONS} regions"
MAX_COORDINATE = 1_000_000
MAX_SHOWN = 40  # chosen: ten times the longest name that is right
Coordinate = Annotated[StrictFloat, Field(ge=-MAX_COORDINATE, le=MAX_COORDINATE)]


class RequestedRegion(FrozenModel):
    """A rectangle of the upright picture, in pixels or in shares of its width and height."""

    unit: Annotated[
        Literal["pixels", "relative"],
        Field(description="`relative`: coordinates from 0 to 1, shares of the picture's width and height."),
    ] = "pixels"
    x1: Annotated[Coordinate, Field(description="The left edge.")]
    y1: Annotated[Coordinate, Field(description="The upper edge.")]
    x2: Annotated[Coordinate, Field(description="The right edge, greater than `x1`.")]
    y2: Annotated[Coordinate, Field(description="The lower edge, greater than `y1`.")]

    @field_validator("x1", "y1", "x2", "y2")
    @classmethod
    def is_share_if_relative(cls, value: float, info: ValidationInfo) -> float:
        if info.data.get("unit") == "relative" and not 0 <= value <= 1:
            raise ValueError("A relative coordinate lies between 0 and 1")
        return value

    @field_validator("x2", "y2")
    @classmethod
    def is_beyond_the_first(cls, value: float, info: ValidationInfo) -> float:
        first = f"{(info.field_name or '')[0]}1"
        if value <= info.data.get(first, -MAX_COORDINATE - 1):
            raise ValueError(f"This should be greater than {first}")
        return value

    def lies_in(self, size: tuple[int, int]) -> bool:
        """Return whether it has a part in a picture of this (width, height)."""
        left, top, right, bottom = self.box(size)
        return left < size[0] and top < size[1] and right > 0 and bottom > 0

    def box(self, size: tuple[int, int]) -> Box:
        """Return left, top, right, bottom in pixels of a picture of this (width, height), not clipped."""
        across, down = size if self.unit == "relative" else (1, 1)
        return self.x1 * across, self.y1 * down, self.x2 * across, self.y2 * down


Regions = Annotated[tuple[RequestedRegion, ...], Field(max_length=MAX_REGIONS)]


class RegionOptions(FrozenModel):
    """Which parts of a picture are masked whatever is in them, and in which faces are left."""

    mask_regions: Annotated[
        Regions,
        Field(description="What is always masked, whether a face is there or not: a JSON array of rectangles."),
    ] = ()
    keep_regions: Annotated[
        Regions,
        Field(description="Where faces are left: those whose centre lies inside. A JSON array of rectangles."),
    ] = ()


def refuse_outside(mask_regions: tuple[RequestedRegion, ...], size: tuple[int, int]) -> None:
    """Raise InvalidOption for a region without a part in the picture: what was to be hidden is then somewhere else."""
    message = f"It lies outside of the picture, which has {size[0]} × {size[1]} pixels"
    outside = [place for place, region in enumerate(mask_regions) if not region.lies_in(size)]
    if outside:
        raise InvalidOption.of(FieldProblem(f"mask_regions[{place}]", message) for place in outside)


def split(faces: tuple[Face, ...], keep: Regions, size: tuple[int, int]) -> tuple[tuple[Face, ...], tuple[Face, ...]]:
    """Split faces into those to mask and those whose centre lies in a region where faces are left."""
    areas = boxes(keep, size)
    return (
        tuple(face for face in faces if not holds(areas, face.box)),
        tuple(face for face in faces if holds(areas, face.box)),
    )


def boxes(requested: Regions, size: tuple[int, int]) -> tuple[Box, ...]:
    """Return regions as boxes in pixels of a picture of this (width, height)."""
    return tuple(one.box(size) for one in requested)


def holds(areas: tuple[Box, ...], box: Box) -> bool:
    """Return whether the centre of a box lies in one of the areas, or on its edge."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(left <= x <= right and top <= y <= bottom for left, top, right, bottom in areas)


def from_text(sent: Any) -> Any:
    """Read the JSON of a form field or of a command-line option; ValueError for anything that is no JSON text."""
    if not isinstance(sent, str):
        raise ValueError("Send this as text")  # noqa: TRY004 - pydantic's way
    try:
        read = json_texts.load(sent)
    except RepeatedMember as error:
        raise ValueError(f"{error}: {error.name[:MAX_SHOWN]}") from error
    except ValueError as error:
        raise ValueError('Send a JSON array, such as [{"x1": 0, "y1": 0, "x2": 90, "y2": 60}]') from error
    if are_too_many(read):
        raise ValueError(TOO_MANY)
    return read


def are_too_many(sent: Any) -> bool:
    """Whether a list is too long, to be asked before its members are judged: each may be wrong in four ways."""
    return isinstance(sent, list) and len(sent) > MAX_REGIONS
