"""Faces as they are drawn over a picture."""

from dataclasses import dataclass
from typing import Any

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
    return [_mark(number, face) for number, face in enumerate(found) if isinstance(face, dict) and "bbox" in face]


def _mark(number: int, face: dict[str, Any]) -> Mark:
    box = face["bbox"]
    landmarks = face.get("landmarks") or {}
    return Mark(
        index=number,
        x=box["x1"],
        y=box["y1"],
        width=round(box["x2"] - box["x1"], 1),
        height=round(box["y2"] - box["y1"], 1),
        confidence=float(face.get("confidence", 0)),
        points=[(point["x"], point["y"]) for point in landmarks.values()],
        doubtful=bool(face.get("review", False)),
    )
