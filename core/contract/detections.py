"""Faces as the service words them, in answers and in what it keeps: one shape, one rounding."""

from typing import Self

from pydantic import BaseModel, Field

from core.contract.reports import DetectionReport, Face


class BBox(BaseModel):
    x1: float
    y1: float
    x2: float
    y2: float


class Point(BaseModel):
    x: float
    y: float


class Landmarks(BaseModel):
    """Left and right as the viewer sees them."""

    left_eye: Point
    right_eye: Point
    nose: Point
    left_mouth: Point
    right_mouth: Point


class Size(BaseModel):
    width: float
    height: float


class Relative(BaseModel):
    """Shares of the picture's width and height."""

    x_center: float
    y_center: float
    width: float
    height: float


class Detection(BaseModel):
    index: int
    bbox: BBox
    confidence: float
    landmarks: Landmarks | None
    size: Size
    area: float
    center: Point
    relative: Relative
    review: bool = Field(
        default=False,
        description="There, and true, where the face is less sure than was asked for: a person should look at it.",
        exclude_if=lambda review: not review,
    )

    @classmethod
    def of(cls, index: int, face: Face, width: int, height: int) -> Self:
        """Word one face; everything follows from the rounded box, so that a client can check it."""
        x1, y1, x2, y2 = (round(edge, 1) for edge in face.box)
        size = Size(width=round(x2 - x1, 1), height=round(y2 - y1, 1))
        centre_x, centre_y = (x1 + x2) / 2, (y1 + y2) / 2
        return cls(
            index=index,
            bbox=BBox(x1=x1, y1=y1, x2=x2, y2=y2),
            confidence=round(face.confidence, 4),
            landmarks=_landmarks(face),
            size=size,
            area=round(size.width * size.height, 2),
            center=Point(x=round(centre_x, 1), y=round(centre_y, 1)),
            relative=Relative(
                x_center=round(centre_x / width, 4),
                y_center=round(centre_y / height, 4),
                width=round(size.width / width, 4),
                height=round(size.height / height, 4),
            ),
            review=face.review,
        )


def of_report(report: DetectionReport) -> list[Detection]:
    """Word every face, most confident first."""
    faces = enumerate(report.detections.faces)
    return [Detection.of(index, face, report.width, report.height) for index, face in faces]


def _landmarks(face: Face) -> Landmarks | None:
    if face.landmarks is None:
        return None
    points = [Point(x=round(x, 1), y=round(y, 1)) for x, y in face.landmarks]
    names = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
    return Landmarks(**dict(zip(names, points, strict=True)))
