"""Face boxes and landmarks as an SVG overlay over a picture."""

from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from core.contract.detections import BBox, Point
from core.records.rows import JobDetail

LABEL_SHARE = 0.028  # font size as a share of the picture's longer side
POINT_SHARE = 0.0045
CROWD = 30  # faces; chosen: as in review_faces.js


@dataclass(frozen=True)
class FaceBox:
    """One face, in pixels of the picture. index: its place in the job's detections; points: landmarks, maybe none.

    doubtful: marked for review by a person; added: drawn by one; uncovered: left visible by one.
    """

    index: int
    x: float
    y: float
    width: float
    height: float
    confidence: float
    points: list[tuple[float, float]]
    doubtful: bool
    added: bool
    uncovered: bool = False


@dataclass(frozen=True)
class Overlay:
    """The faces over a picture of this size, in its own pixels."""

    width: int
    height: int
    faces: list[FaceBox]

    @property
    def is_crowd(self) -> bool:
        """Whether the labels of all faces would cover each other."""
        return len(self.faces) > CROWD

    @property
    def label_size(self) -> float:
        return round(max(self.width, self.height) * LABEL_SHARE, 2)

    @property
    def point_size(self) -> float:
        return round(max(self.width, self.height) * POINT_SHARE, 2)


def face_boxes(detections: Any) -> list[FaceBox]:
    """Read a job's stored detections; an entry of an old or unknown shape is skipped."""
    entries = detections if isinstance(detections, list) else []
    return [box for index, entry in enumerate(entries) if (box := _face_box(index, entry))]


def shown(job: JobDetail | None) -> list[FaceBox]:
    """Return the faces that a job has masked or found, and those that somebody has left visible there."""
    report = job.report if job and isinstance(job.report, dict) else {}
    masked = face_boxes(job.detections if job else None)
    left = [replace(face, uncovered=True) for face in face_boxes(report.get("uncovered"))]
    return [*masked, *(replace(face, index=index) for index, face in enumerate(left, len(masked)))]


class _StoredFace(BaseModel):
    """What the overlay needs of a stored face."""

    bbox: BBox
    confidence: float = 0.0
    landmarks: dict[str, Point] | None = None
    review: bool = False
    added: bool = False


def _face_box(index: int, entry: Any) -> FaceBox | None:
    try:
        face = _StoredFace.model_validate(entry)
    except ValidationError:
        return None
    box = face.bbox
    return FaceBox(
        index=index,
        x=box["x1"],
        y=box["y1"],
        width=round(box["x2"] - box["x1"], 1),
        height=round(box["y2"] - box["y1"], 1),
        confidence=face.confidence,
        points=[(point["x"], point["y"]) for point in (face.landmarks or {}).values()],
        doubtful=face.review,
        added=face.added,
    )
