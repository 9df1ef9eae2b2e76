"""Keeping, where the database's word is what counts."""

from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from core import config, services
from core.database import engine, migrations
from core.records import records, results
from core.records.results import JobOutcome, ResultStore, UploadedImage

UPLOAD = UploadedImage(b"picture", "a.jpg", "image/jpeg")
VALUES = {"job_type": "detect", "confidence_threshold": 0.5, "nms_threshold": 0.4}
OUTCOME = JobOutcome(1, 1, VALUES, list)


@pytest.fixture
def keeper(tmp_path: Path) -> ResultStore:
    settings = config.read(var_dir=tmp_path / "var")
    migrations.upgrade(settings)
    store = services.object_store(settings)
    assert store is not None
    return ResultStore(store, engine.session_factory(settings), 2, lambda: None)


def test_commit_without_word_is_kept(keeper: ResultStore, monkeypatch: pytest.MonkeyPatch) -> None:
    save = records.save_result

    def save_and_break(*args: object) -> None:
        save(*args)  # type: ignore[arg-type]  # handed through
        raise OperationalError("COMMIT", {}, Exception("the connection broke"))

    monkeypatch.setattr(records, "save_result", save_and_break)
    with results.draft(keeper, UPLOAD) as draft:
        pass
    kept = draft.finish(OUTCOME)
    assert kept.image_id is not None and keeper.is_saved(kept.image_id)


def test_refused_rows_leave_no_ids(keeper: ResultStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("disk full"))

    monkeypatch.setattr(records, "save_result", refuse)
    with results.draft(keeper, UPLOAD) as draft:
        pass
    kept = draft.finish(OUTCOME)
    assert (kept.image_id, kept.job_id) == (None, None)


def test_nothing_is_kept_without_a_store() -> None:
    with results.draft(None, UPLOAD) as draft:
        pass
    assert draft.finish(OUTCOME).image_id is None
