"""What is kept of a call: the columns of its job."""

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.contract.options import ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.reports import DetectionReport, Detections, Face, MaskedImage, MaskReport, Timings, Verification
from core.records import outcomes, records
from tests.core import rows


def report(*faces: Face) -> DetectionReport:
    found = Detections(
        faces=faces,
        timings=Timings(inference_ms=1.234),
        candidates_before_nms=3,
        candidates_after_nms=2,
        det_scale=1,
        input_size=(640, 640),
    )
    return DetectionReport(width=100, height=80, channels=3, model="scrfd", detections=found)


CLEAR = Face(box=(1, 2, 30, 40), confidence=0.9)
DOUBTFUL = Face(box=(50, 2, 70, 40), confidence=0.3, review=True)


def test_doubtful_face_of_a_thorough_search_waits_for_review() -> None:
    outcome = outcomes.detected(report(CLEAR, DOUBTFUL), ResolvedDetectOptions(detail="thorough"), 5)
    assert outcome.values["review_state"] == "pending"
    assert outcome.report is not None and outcome.report["review_faces"] == 1


def test_face_that_is_just_not_masked_waits_for_review() -> None:
    found = report(CLEAR)
    near = found.detections.model_copy(update={"near_misses": (DOUBTFUL,)})
    outcome = outcomes.detected(found.model_copy(update={"detections": near}), ResolvedDetectOptions(), 5)
    assert outcome.values["review_state"] == "pending"
    assert outcome.report is not None and outcome.report["review_faces"] == 1
    assert [one["box"] for one in outcome.report["near_misses"]] == [[50, 2, 70, 40]]


def test_clear_faces_need_no_review() -> None:
    outcome = outcomes.detected(report(CLEAR), ResolvedDetectOptions(), 5)
    assert outcome.values["review_state"] is None
    assert outcome.report is not None and outcome.report["review_faces"] == 0


def test_mask_tells_its_strength() -> None:
    cover = MaskReport(detection=report(CLEAR, DOUBTFUL), regions=2, effective_strength=301)
    outcome = outcomes.masked(MaskedImage(report=cover, image=b"x"), ResolvedMaskOptions(), 5)
    assert (outcome.values["job_type"], outcome.values["review_state"]) == ("mask", None)
    assert outcome.report is not None and outcome.report["effective_strength"] == 301
    assert outcome.report["verification"] is None


def test_mask_tells_what_was_asked() -> None:
    cover = MaskReport(detection=report(CLEAR), regions=3, effective_strength=9, kept_faces=2, uncovered=(CLEAR,))
    region = {"unit": "pixels", "x1": 1, "y1": 2, "x2": 3, "y2": 4}
    given = {"strength": "auto", "cover": "head", "mask_regions": [region], "keep_regions": [region]}
    outcome = outcomes.masked(MaskedImage(report=cover, image=b"x"), ResolvedMaskOptions.model_validate(given), 5)
    assert outcome.values["blur_strength"] is None
    assert outcome.report is not None
    assert {name: outcome.report[name] for name in given} == given
    assert (outcome.report["regions"], outcome.report["kept_faces"]) == (3, 2)
    assert outcome.values["uncovered_faces"] == 1
    assert [found["confidence"] for found in outcome.report["uncovered"]] == [CLEAR.confidence]


def test_mask_tells_its_verification() -> None:
    verification = Verification(rounds=1, regions_masked_again=2, residual_faces=0, verify_ms=3.5)
    cover = MaskReport(detection=report(CLEAR), regions=1, effective_strength=301, verification=verification)
    outcome = outcomes.masked(MaskedImage(report=cover, image=b"x"), ResolvedMaskOptions(), 5)
    assert outcome.report is not None and outcome.report["verification"] == verification.model_dump()


def test_report_is_kept_and_told(session: Session) -> None:
    image = rows.image()
    job = rows.mask_job(image, review_state="pending")
    rows.save_result(session, image, job, [], {"review_faces": 1})
    found = records.get_job(session, job.id)
    assert (found.job.review_state, found.report, found.detections) == ("pending", {"review_faces": 1}, [])


def test_unknown_review_state_is_refused(session: Session) -> None:
    image = rows.image()
    with pytest.raises(IntegrityError):
        rows.save_result(session, image, rows.mask_job(image, review_state="soon"))
