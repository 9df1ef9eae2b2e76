"""Sure faces that a person leaves visible: which of them count, and that they are not forgotten."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from core.records import edits, records
from core.records.edits import ManualEdit
from core.records.rows import JobDetail, StoredImage
from tests.core import rows
from tests.core.records.test_edits import NOTHING

IMAGE = rows.image(width=400, height=300)


def face(index: int, left: float, **more: Any) -> dict[str, Any]:
    box = {"x1": left, "y1": 10.0, "x2": left + 40.0, "y2": 60.0}
    return {"index": index, "bbox": box, "confidence": 0.9, "landmarks": None, **more}


def detail(session: Session, detections: list[dict[str, Any]], report: dict[str, Any] | None = None) -> JobDetail:
    image = rows.image(width=400, height=300)
    job = rows.mask_job(image)
    rows.save_result(session, image, job, detections, report or {})
    return records.get_job(session, job.id)


def uncovered(edited: JobDetail, image: StoredImage = IMAGE, **changes: Any) -> list[float]:
    """Return the left edges of the faces that an edit leaves visible."""
    edit = ManualEdit(**vars(NOTHING) | {"add": ()} | changes)
    report = edits.make_plan(image, edited, edit).report
    assert [one["index"] for one in report["uncovered"]] == list(range(len(report["uncovered"])))
    return [one["bbox"]["x1"] for one in report["uncovered"]]


def test_sure_face_without_mask_is_uncovered(session: Session) -> None:
    edited = detail(session, [face(0, 10), face(1, 100), face(2, 200, review=True), face(3, 300, added=True)])
    assert uncovered(edited) == []
    assert uncovered(edited, remove=(1,)) == [100]
    assert uncovered(edited, remove=(0, 1, 2, 3)) == [10, 100]


def test_face_that_is_drawn_anew_is_covered(session: Session) -> None:
    edited = detail(session, [face(0, 10), face(1, 100)])
    assert uncovered(edited, remove=(0, 1), add=((5, 5, 60, 70),)) == [100]
    assert uncovered(edited, remove=(0, 1), add=((45, 5, 60, 70),)) == [10, 100]


def test_face_under_a_region_that_is_always_masked_is_covered(session: Session) -> None:
    band = {"unit": "relative", "x1": 0, "y1": 0, "x2": 0.2, "y2": 1}
    edited = detail(session, [face(0, 10), face(1, 100)], {"mask_regions": [band]})
    assert uncovered(edited, remove=(0, 1)) == [100]


@pytest.mark.parametrize(("add", "left"), [((), [10, 200]), (((5, 5, 60, 70),), [200])])
def test_face_uncovered_before_stays_so_until_it_is_drawn(session: Session, add: Any, left: list[float]) -> None:
    edited = detail(session, [face(0, 200)], {"uncovered": [face(0, 10)]})
    assert uncovered(edited, remove=(0,), add=add) == left


def test_image_without_job_has_no_faces_to_uncover(session: Session) -> None:
    assert edits.make_plan(IMAGE, None, NOTHING).report["uncovered"] == []
