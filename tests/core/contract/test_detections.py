"""Faces are worded once, for answers and for what is kept."""

import json

from core.contract import detections
from core.contract.reports import Face
from web.schemas.detect import Summary

MARKS = ((120.04, 130.06), (140, 130), (130, 140), (122, 150), (138, 150))
FACE = Face(box=(100.04, 110.06, 160.16, 190.14), confidence=0.87654321, landmarks=MARKS)


def test_everything_follows_from_the_rounded_box() -> None:
    worded = detections.of_face(3, FACE, 400, 200)
    assert worded["bbox"] == {"x1": 100.0, "y1": 110.1, "x2": 160.2, "y2": 190.1}
    assert (worded["index"], worded["confidence"], worded["area"]) == (3, 0.8765, 4816.0)
    assert (worded["size"], worded["center"]) == ({"width": 60.2, "height": 80.0}, {"x": 130.1, "y": 150.1})
    assert worded["relative"] == {"x_center": 0.3252, "y_center": 0.7505, "width": 0.1505, "height": 0.4}
    assert worded["landmarks"] is not None and worded["landmarks"]["left_eye"] == {"x": 120.0, "y": 130.1}
    assert Summary.of([worded], 1, 80_000).total_face_area == worded["area"]


def test_only_doubtful_faces_are_marked_for_review() -> None:
    doubtful = FACE.model_copy(update={"review": True, "landmarks": None})
    sure, marked = (detections.of_face(0, face, 400, 200) for face in (FACE, doubtful))
    assert "review" not in json.loads(json.dumps(sure))
    assert (marked.get("review"), marked["landmarks"]) == (True, None)
