"""Objects and rows are stored together, or neither: where the database's word is what counts."""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from core import config, services
from core.database import engine
from core.database.models import Image
from core.errors import StorageUnavailable
from core.records import calls
from core.records.outcomes import JobOutcome
from core.records.results import ResultStore, UploadedImage
from core.storage.base import ObjectStore
from tests import databases

UPLOAD = UploadedImage(b"picture", "a.jpg", "image/jpeg")
VALUES = {"job_type": "mask", "confidence_threshold": 0.5, "nms_threshold": 0.4, "output_format": "jpeg"}
OUTCOME = JobOutcome(1, 1, VALUES, list, b"masked")


class CommitUnanswered(Session):
    """The connection breaks after the commit."""

    def commit(self) -> None:
        super().commit()
        raise OperationalError("COMMIT", {}, Exception("the connection broke"))


class CommitRefused(Session):
    def commit(self) -> None:
        raise OperationalError("COMMIT", {}, Exception("disk full"))


class Failures:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    settings = config.read(var_dir=tmp_path / "var")
    databases.migrate(settings)
    store = services.object_store(settings)
    assert store is not None
    return store


@pytest.fixture
def bind(tmp_path: Path, store: ObjectStore) -> Iterator[Any]:
    made = engine.create(config.read(var_dir=tmp_path / "var"))
    yield made
    made.dispose()


def images(bind: Any) -> int:
    with Session(bind) as session:
        return session.query(Image).count()


def keys(store: ObjectStore) -> set[str]:
    return {found.key for found in store.list()}


def store_call(results: ResultStore, failures: Failures) -> calls.StoredIds:
    with calls.stored(results, UPLOAD, failures) as call:
        ids = call.finish(lambda: OUTCOME)
    results.close()
    return ids


def test_call_without_a_store_makes_nothing_to_store() -> None:
    made = list[JobOutcome]()

    def make() -> JobOutcome:
        made.append(OUTCOME)
        return OUTCOME

    with calls.stored(None, UPLOAD, Failures()) as call:
        ids = call.finish(make)
    assert (ids, made) == (calls.StoredIds(), [])


def test_call_stores_both_objects(store: ObjectStore, bind: Any) -> None:
    ids = store_call(ResultStore(store, sessionmaker(bind), 2), failures := Failures())
    assert keys(store) == {f"originals/{ids.image_id}/a.jpg", f"processed/{ids.image_id}/{ids.job_id}.jpeg"}
    assert (images(bind), failures.count) == (1, 0)


def test_commit_without_answer_is_stored(store: ObjectStore, bind: Any) -> None:
    ids = store_call(ResultStore(store, sessionmaker(bind, class_=CommitUnanswered), 2), failures := Failures())
    assert ids.image_id is not None and images(bind) == 1
    assert (len(keys(store)), failures.count) == (2, 0)


def test_refused_commit_leaves_nothing(store: ObjectStore, bind: Any) -> None:
    ids = store_call(ResultStore(store, sessionmaker(bind, class_=CommitRefused), 2), failures := Failures())
    assert (ids.image_id, ids.job_id, images(bind), failures.count) == (None, None, 0, 1)
    assert keys(store) == set()


def test_unknown_commit_keeps_objects(store: ObjectStore, bind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody can say whether the rows are there, maintenance compares later."""

    class Down(Session):
        def commit(self) -> None:
            super().commit()
            monkeypatch.setattr(Down, "execute", refuse)
            monkeypatch.setattr(Down, "scalars", refuse)
            raise OperationalError("COMMIT", {}, Exception("the database went away"))

    def refuse(*_: Any, **__: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("the database is away"))

    ids = store_call(ResultStore(store, sessionmaker(bind, class_=Down), 2), failures := Failures())
    assert (ids.image_id, failures.count, len(keys(store)), images(bind)) == (None, 1, 2, 1)


def test_failing_engine_leaves_nothing(store: ObjectStore, bind: Any) -> None:
    results = ResultStore(store, sessionmaker(bind), 2)
    with pytest.raises(ZeroDivisionError), calls.stored(results, UPLOAD, Failures()):
        raise ZeroDivisionError
    results.close()
    assert (keys(store), images(bind)) == (set(), 0)


def test_interrupted_finish_leaves_nothing(store: ObjectStore, bind: Any) -> None:
    """What ends a call between its objects and its rows takes the objects along."""

    def interrupted() -> list[dict[str, Any]]:
        raise KeyboardInterrupt

    results = ResultStore(store, sessionmaker(bind), 2)
    outcome = JobOutcome(1, 1, VALUES, interrupted, b"masked")
    with pytest.raises(KeyboardInterrupt), calls.stored(results, UPLOAD, Failures()) as call:
        call.finish(lambda: outcome)
    results.close()
    assert (keys(store), images(bind)) == (set(), 0)


def test_failing_store_leaves_no_rows(store: ObjectStore, bind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise StorageUnavailable

    monkeypatch.setattr(store, "put", refuse)
    ids = store_call(ResultStore(store, sessionmaker(bind), 2), failures := Failures())
    assert (ids.image_id, failures.count, images(bind)) == (None, 1, 0)


def test_retried_result_removes_nothing(store: ObjectStore, bind: Any) -> None:
    """Another attempt writes the same keys: what one that fails has stored is the other's."""
    results = ResultStore(store, sessionmaker(bind), 2)
    item = uuid.uuid4()
    with suppress(ZeroDivisionError), results.begin(retried=True) as pending:
        pending.add_original(item, UPLOAD)
        pending.wait()
        raise ZeroDivisionError
    results.close()
    assert keys(store) == {f"originals/{item}/a.jpg"}


def test_nothing_is_stored_without_a_store() -> None:
    with calls.stored(None, UPLOAD, Failures()) as call:
        assert call.finish(lambda: OUTCOME).image_id is None
