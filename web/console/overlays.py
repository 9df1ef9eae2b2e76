"""Faces as they are drawn over a picture."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from core.contract.detections import BBox, Point

LABEL_SHARE = 0.028  # of the picture's longer side: the height of a number
POINT_SHARE = 0.0045


@dataclass(frozen=True)
class Mark:
    """One face. index: its place among those of the job; points: its landmarks, perhaps none.

    doubtful: a person should look at it.
    """

    index: int
    x: float
    y: float
    width: float
    height: float
    confidence: float
    points: list[tuple[float, float]]
    doubtful: bool


@dataclass(frozen=True)
class Drawing:
    """What lies over a picture of this size, in its own pixels."""

    width: int
    height: int
    marks: list[Mark]

    @property
    def label_size(self) -> float:
        return round(max(self.width, self.height) * LABEL_SHARE, 2)

    @property
    def point_size(self) -> float:
        return round(max(self.width, self.height) * POINT_SHARE, 2)


def faces(detections: Any) -> list[Mark]:
    """Read the faces as a job has kept them; an old or a strange shape is passed over."""
    found = detections if isinstance(detections, list) else []
    return [mark for number, face in enumerate(found) if (mark := _mark(number, face))]


class _Kept(BaseModel):
    """What is drawn of a face."""

    bbox: BBox
    confidence: float = 0.0
    landmarks: dict[str, Point] | None = None
    review: bool = False


def _mark(number: int, face: Any) -> Mark | None:
    try:
        kept = _Kept.model_validate(face)
    except ValidationError:
        return None
    box = kept.bbox
    return Mark(
        index=number,
        x=box.x1,
        y=box.y1,
        width=round(box.x2 - box.x1, 1),
        height=round(box.y2 - box.y1, 1),
        confidence=kept.confidence,
        points=[(point.x, point.y) for point in (kept.landmarks or {}).values()],
        doubtful=kept.review,
    )
