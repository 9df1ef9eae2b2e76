"""Faces as the service words them, in answers and in what it keeps: one shape, one rounding.

Plain dictionaries, since a picture may hold hundreds. measured: to make models took twice as long.
"""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict  # pydantic takes that of `typing` from Python 3.12 on only

from core.contract.reports import DetectionReport, Face


class BBox(TypedDict):
    x1: float
    y1: float
    x2: float
    y2: float


class Point(TypedDict):
    x: float
    y: float


class Landmarks(TypedDict):
    """Left and right as the viewer sees them."""

    left_eye: Point
    right_eye: Point
    nose: Point
    left_mouth: Point
    right_mouth: Point


class Size(TypedDict):
    width: float
    height: float


class Relative(TypedDict):
    """Shares of the picture's width and height."""

    x_center: float
    y_center: float
    width: float
    height: float


class Detection(TypedDict):
    index: int
    bbox: BBox
    confidence: float
    landmarks: Landmarks | None
    size: Size
    area: float
    center: Point
    relative: Relative
    review: NotRequired[
        Annotated[
            bool,
            Field(
                description="There, and true, where the face is less sure than was asked for: a person should look at"
                " it.",
                json_schema_extra={"default": False},
            ),
        ]
    ]


def of_report(report: DetectionReport) -> list[Detection]:
    """Word every face, most confident first."""
    faces = enumerate(report.detections.faces)
    return [of_face(index, face, report.width, report.height) for index, face in faces]


def of_face(index: int, face: Face, width: int, height: int) -> Detection:
    """Word one face; everything follows from the rounded box, so that a client can check it."""
    x1, y1, x2, y2 = (round(edge, 1) for edge in face.box)
    across, down = round(x2 - x1, 1), round(y2 - y1, 1)
    centre_x, centre_y = (x1 + x2) / 2, (y1 + y2) / 2
    worded: Detection = {
        "index": index,
        "bbox": {"x1": x1, "y1": y1, "x2": x2, "y2": y2},
        "confidence": round(face.confidence, 4),
        "landmarks": _landmarks(face),
        "size": {"width": across, "height": down},
        "area": round(across * down, 2),
        "center": {"x": round(centre_x, 1), "y": round(centre_y, 1)},
        "relative": {
            "x_center": round(centre_x / width, 4),
            "y_center": round(centre_y / height, 4),
            "width": round(across / width, 4),
            "height": round(down / height, 4),
        },
    }
    if face.review:
        worded["review"] = True
    return worded


def _landmarks(face: Face) -> Landmarks | None:
    if face.landmarks is None:
        return None
    left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
    return {
        "left_eye": _point(*left_eye),
        "right_eye": _point(*right_eye),
        "nose": _point(*nose),
        "left_mouth": _point(*left_mouth),
        "right_mouth": _point(*right_mouth),
    }


def _point(x: float, y: float) -> Point:
    return {"x": round(x, 1), "y": round(y, 1)}
