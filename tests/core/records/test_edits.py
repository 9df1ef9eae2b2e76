"""A picture masked by hand: what fails leaves nothing behind, and a list of reviews stays quick."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from core import config, services
from core.contract.options import ManualMaskOptions
from core.contract.reports import DetectionReport, Detections, MaskedImage, MaskReport, Timings
from core.database.engine import SessionFactory
from core.database.models import CleanupTask, ProcessingJob
from core.engine.client import EngineClient
from core.errors import InvalidOption, NewerResult, NotFound, NothingToUndo, StorageUnavailable
from core.records import edits, records, reviews
from core.records.edits import ManualEdit, MaskEditor
from core.records.results import ResultStore
from core.records.reviews import SeenResult
from core.records.rows import StoredImage
from core.storage.base import ObjectStore
from tests.core import rows

NOTHING = ManualEdit(job_id=None, keep=(), remove=(), add=((1, 2, 30, 40),), appearance={}, by="admin")
BOX = {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0}
POINTS = {"nose": {"x": 3, "y": 3}, "left_eye": {"x": 1, "y": 1}, "right_eye": {"x": 2, "y": 2}}
POINTS |= {"right_mouth": {"x": 5, "y": 5}, "left_mouth": {"x": 4, "y": 4}}  # in another order than the service's


class Engine(EngineClient):
    """Answers every picture with the same bytes; `meanwhile` happens before it does."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.meanwhile = meanwhile

    def run_manual_mask(self, data: bytes, options: ManualMaskOptions, gone: Callable[[], bool]) -> MaskedImage:
        self.meanwhile()
        found = Detections(
            faces=options.faces,
            timings=Timings(),
            candidates_before_nms=0,
            candidates_after_nms=0,
            det_scale=1,
            input_size=(0, 0),
        )
        report = DetectionReport(width=400, height=300, channels=3, model="by hand", detections=found)
        return MaskedImage(report=MaskReport(detection=report, regions=1, effective_strength=9), image=b"masked")


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    made = services.object_store(config.read(var_dir=tmp_path / "store"))
    assert made is not None
    return made


@pytest.fixture
def image(sessions: SessionFactory, store: ObjectStore, request: pytest.FixtureRequest) -> StoredImage:
    """A kept picture of 400 × 300 pixels, with a job that waits for a person: a mask, unless the test makes another."""
    made = rows.image(width=400, height=300)
    store.put(made.s3_key, b"original", "image/jpeg")
    make_job = getattr(request, "param", rows.mask_job)
    with sessions() as session:
        rows.save_result(session, made, make_job(made, review_state="pending"), [], {})
    return made


def never() -> bool:
    return False


def keys(store: ObjectStore) -> set[str]:
    return {found.key for found in store.list()}


def edit(store: ObjectStore, sessions: SessionFactory, image: StoredImage, engine: Any = None) -> uuid.UUID:
    """Mask the picture again, and wait until what may have to be removed is."""
    results = ResultStore(store, sessions, 2)
    try:
        return MaskEditor(results, engine or Engine()).make(image.id, NOTHING, never)
    finally:
        results.close()


def tasks(sessions: SessionFactory) -> set[str]:
    with sessions() as session:
        return set(session.scalars(select(CleanupTask.s3_key)))


def test_edit_keeps_job_and_object(sessions: SessionFactory, store: ObjectStore, image: StoredImage) -> None:
    job_id = edit(store, sessions, image)
    with sessions() as session:
        found = records.get_job(session, job_id)
    assert found.job.processed_s3_key in keys(store)
    assert store.get(found.job.processed_s3_key or "") == b"masked"
    assert (found.job.face_count, found.report["by"], found.report["effective_strength"]) == (1, "admin", 9)
    assert (found.job.job_type, found.job.confidence_threshold, found.job.nms_threshold) == ("mask", 0.01, 0.999999)
    searched = {name: found.report[name] for name in ("detail", "passes", "review_faces", "verification")}
    assert searched == {"detail": None, "passes": [], "review_faces": 0, "verification": None}


@pytest.mark.parametrize("image", [rows.mask_job, rows.detect_job], indirect=True, ids=["second", "first"])
def test_newer_result_that_was_not_seen_stays(sessions: SessionFactory, store: ObjectStore, image: StoredImage) -> None:
    with sessions() as session:
        seen = SeenResult(reviews.newest_result(session, image.id))
    other: list[uuid.UUID] = []
    results = ResultStore(store, sessions, 2)
    slow = MaskEditor(results, Engine(meanwhile=lambda: other.append(edit(store, sessions, image))))
    for editor in (slow, MaskEditor(results, Engine())):  # the second knows before it asks the engine
        with pytest.raises(NewerResult):
            editor.make(image.id, replace(NOTHING, seen=seen), never)
    results.close()
    with sessions() as session:
        assert [reviews.newest_result(session, image.id)] == other
        assert records.get_image(session, image.id).job_count == 2
        left = {job.processed_s3_key for job in records.get_image(session, image.id).jobs[:1]}
    assert keys(store) == {image.s3_key} | left


@pytest.fixture
def broken_database(sessions: SessionFactory) -> Iterator[None]:
    """A database that refuses to keep jobs."""

    def refuse(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO processing_jobs"):
            raise OperationalError(statement, {}, ConnectionError())

    event.listen(sessions.kw["bind"], "before_cursor_execute", refuse)
    yield
    event.remove(sessions.kw["bind"], "before_cursor_execute", refuse)


def test_unsaved_edit_leaves_no_object(
    sessions: SessionFactory, store: ObjectStore, image: StoredImage, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("broken_database")
    with pytest.raises(OperationalError):
        edit(store, sessions, image)
    assert keys(store) == {image.s3_key}
    assert tasks(sessions) == set()


def test_unsaved_edit_is_removed_later(
    sessions: SessionFactory,
    store: ObjectStore,
    image: StoredImage,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the store fails, too, a task knows the object."""

    def refuse(_key: str) -> None:
        raise StorageUnavailable

    request.getfixturevalue("broken_database")
    monkeypatch.setattr(store, "delete", refuse)
    with pytest.raises(OperationalError):
        edit(store, sessions, image)
    assert tasks(sessions) == keys(store) - {image.s3_key} != set()


def test_picture_deleted_meanwhile_is_not_found(
    sessions: SessionFactory, store: ObjectStore, image: StoredImage
) -> None:
    def delete() -> None:
        with sessions() as session:
            records.delete_images(session, [image.id])

    with pytest.raises(NotFound):
        edit(store, sessions, image, Engine(delete))
    assert keys(store) == {image.s3_key}  # whose removal is a task of the deletion's
    assert all(not key.startswith("processed/") or key not in keys(store) for key in tasks(sessions))


def test_other_conflict_is_not_taken_for_a_deletion(
    sessions: SessionFactory, store: ObjectStore, image: StoredImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sessions() as session:
        (job,) = records.get_image(session, image.id).jobs
    monkeypatch.setattr(uuid, "uuid4", lambda: job.id)
    with pytest.raises(IntegrityError):
        edit(store, sessions, image)


def test_job_of_other_looks_is_planned(session: Session) -> None:
    image = rows.image(width=400, height=300)
    job = rows.mask_job(image, blur_method="solid", padding=0.3)
    detection = {"index": 0, "bbox": BOX, "landmarks": POINTS, "confidence": 0.3, "review": True}
    rows.save_result(session, image, job, [detection], {})
    plan = edits.make_plan(image, records.get_job(session, job.id), NOTHING)
    assert (plan.options.method, plan.options.padding) == ("solid", 0.3)
    first, second = plan.options.faces
    assert (first.box, second.box) == ((1, 2, 3, 4), (1, 2, 30, 40))
    assert first.landmarks == tuple((float(n), float(n)) for n in range(1, 6))
    assert (first.confidence, second.confidence) == (0.3, 1.0)  # an ellipse grows around what is unsure
    assert "review" not in plan.detections[0]
    assert plan.detections[1]["added"] is True


@pytest.mark.parametrize(
    ("part", "named"),
    [({"remove": (0,)}, "remove.0"), ({"keep": (3,)}, "keep.0"), ({"add": ((500, 0, 600, 9),)}, "add.0")],
)
def test_unfit_edit_is_refused(part: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        edits.make_plan(rows.image(width=400, height=300), None, ManualEdit(**vars(NOTHING) | part))
    assert [problem.field for problem in caught.value.problems] == [named]


def test_accepting_twice_is_no_error(sessions: SessionFactory, image: StoredImage) -> None:
    with sessions() as session:
        (job,) = records.get_image(session, image.id).jobs
        for by in ("one", "two"):
            reviews.accept(session, job.id, by)
        found = records.get_job(session, job.id)
    assert (found.job.review_state, found.report["review"]["by"]) == ("done", "two")


def test_accepted_job_waits_again_when_reopened(sessions: SessionFactory, image: StoredImage) -> None:
    with sessions() as session:
        (job,) = records.get_image(session, image.id).jobs
        with pytest.raises(NothingToUndo):
            reviews.reopen(session, job.id, "one")
        reviews.accept(session, job.id, "one")
        reviews.reopen(session, job.id, "two")
        found = records.get_job(session, job.id)
        assert reviews.page(session, 1, 5).total == 1
    assert (found.job.review_state, found.report["review"]["by"]) == ("pending", "two")


def test_picture_masked_by_hand_since_is_not_reopened(
    sessions: SessionFactory, store: ObjectStore, image: StoredImage
) -> None:
    with sessions() as session:
        (job,) = records.get_image(session, image.id).jobs
        reviews.accept(session, job.id, "one")
    edit(store, sessions, image)
    with sessions() as session, pytest.raises(NothingToUndo):
        reviews.reopen(session, job.id, "one")


def test_accepting_unknown_job_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound):
        reviews.accept(session, uuid.uuid4(), "admin")


def test_review_changes_no_tally(sessions: SessionFactory, image: StoredImage) -> None:
    before = rows.measured(sessions)
    with sessions() as session:
        (job,) = records.get_image(session, image.id).jobs
        reviews.accept(session, job.id, "admin")
    assert rows.measured(sessions) == before != {}


def test_reviews_are_read_from_their_index(sessions: SessionFactory) -> None:
    """Both the count and the page, whatever else there is."""
    image = rows.saved(sessions, 1)[0]
    many = [rows.detect_job(image, created_at=rows.NOON + timedelta(seconds=number)) for number in range(3000)]
    waiting = [rows.detect_job(image, review_state="pending") for _ in range(3)]
    rows.add_jobs(sessions, [*many, *waiting])
    statements: list[tuple[str, Any]] = []
    with sessions() as session:
        analyse = "ANALYZE" if session.get_bind().dialect.name == "sqlite" else "ANALYZE processing_jobs"
        session.execute(text(analyse))
        session.commit()
        event.listen(sessions.kw["bind"], "before_cursor_execute", lambda *call: statements.append((call[2], call[3])))
        assert [found.job.job.id for found in reviews.page(session, 1, 20).items] == [
            job.id for job in sorted(waiting, key=lambda job: job.id, reverse=True)
        ]
        plans = [_plan(session, *statement) for statement in statements[:2]]
    assert len(statements) <= 8
    assert all("ix_processing_jobs_review_created_at_id" in plan for plan in plans), plans


def _plan(session: Session, statement: str, values: Any) -> str:
    explain = "EXPLAIN QUERY PLAN" if session.get_bind().dialect.name == "sqlite" else "EXPLAIN"
    found = session.connection().exec_driver_sql(f"{explain} {statement}", values)
    return "\n".join(str(row) for row in found)


def test_every_pending_job_is_counted(sessions: SessionFactory) -> None:
    image = rows.saved(sessions, 1)[0]
    rows.add_jobs(sessions, [rows.detect_job(image, review_state="pending") for _ in range(7)])
    with sessions() as session:
        page = reviews.page(session, 2, 5)
        total = session.scalar(select(func.count()).select_from(ProcessingJob))
    assert (page.total, len(page.items), page.pages, total) == (7, 2, 2, 8)


def test_reviews_of_a_batch_are_counted_and_listed(sessions: SessionFactory) -> None:
    image, first, second = rows.saved(sessions, 1)[0], uuid.uuid4(), uuid.uuid4()
    mine = rows.detect_job(image, review_state="pending", batch_id=first)
    others = [rows.detect_job(image, review_state=state, batch_id=second) for state in ("pending", "pending", "done")]
    rows.add_jobs(sessions, [mine, *others, rows.detect_job(image, review_state="pending")])
    with sessions() as session:
        page = reviews.page(session, 1, 5, first)
        assert reviews.waiting(session, [first, second, uuid.uuid4()]) == {first: 1, second: 2}
    assert (page.total, [found.job.job.id for found in page.items]) == (1, [mine.id])
