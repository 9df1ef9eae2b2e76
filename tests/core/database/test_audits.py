"""The audit trail: rows that can't be changed, in the transaction of their deed, whatever is killed when."""

import json
import os
import shutil
import signal
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, event, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from core import config
from core.access import keys
from core.batches import bulk, lifecycle, removals
from core.batches.lifecycle import NewBatch
from core.contract.deeds import ActorKind, Deed
from core.contract.options import MaskOptions
from core.database import audits, engine, migrations
from core.database.audits import Actor, AuditFilter
from core.database.clock import now
from core.database.engine import SessionFactory
from core.database.models import AuditRecord, Base
from core.engine import defaults
from core.records import records, reviews
from tests.core import rows

OPTIONS = defaults.resolve(MaskOptions(), config.read())
IMAGE = uuid.UUID(int=11)
JOB = uuid.UUID(int=12)
Act = Callable[[Session], object]


def told(session: Session, **wanted: Any) -> list[str]:
    """The deeds of the trail, oldest first."""
    return [one.deed for one in reversed(audits.page(session, 1, 100, AuditFilter(**wanted)).items)]


def test_record_says_who_did_it(session: Session) -> None:
    audits.act_as(Actor(ActorKind.CLI, "x" * 300, "192.0.2.7", "a request"))
    key, _ = keys.create(session, "camera")
    audits.act_as(Actor())
    (one,) = audits.page(session, 1, 10, AuditFilter()).items
    assert (one.actor_kind, one.actor, one.address, one.request_id) == ("cli", "x" * 255, "192.0.2.7", "a request")
    assert (one.deed, one.target, one.outcome) == ("key.created", key.id, "ok")
    assert one.detail["scopes"] == ["detect", "mask"] and "name" not in one.detail


def test_deed_that_fails_has_no_record(sessions: SessionFactory) -> None:
    with sessions() as session, pytest.raises(Exception, match="there is no"):
        keys.delete(session, uuid.uuid4())
    with sessions() as session:
        assert records.delete_images(session, [uuid.uuid4()], Deed.IMAGE_DELETED) == []
        batch, _ = lifecycle.create(session, NewBatch("a", OPTIONS))
        for _ in range(2):
            lifecycle.close(session, batch.id)
        assert told(session) == ["batch.created", "batch.closed"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"deed": "key.deleted"},
        {"actor_kind": "cli"},
        {"actor": "somebody"},
        {"address": "192.0.2.8"},
        {"outcome": "unauthenticated"},
        {"request_id": "r2"},
        {"target": IMAGE},
    ],
)
def test_filters_find_what_they_name(session: Session, wanted: dict[str, Any]) -> None:
    keys.create(session, "camera")
    audits.act_as(Actor(ActorKind.CLI, "somebody", "192.0.2.8", "r2"))
    audits.record(session, Deed.KEY_DELETED, IMAGE, outcome="unauthenticated")
    session.commit()
    audits.act_as(Actor())
    assert told(session, **wanted) == ["key.deleted"]
    assert told(session, before=now() - timedelta(hours=1)) == told(session, after=now() + timedelta(hours=1)) == []
    assert len(told(session, after=now() - timedelta(hours=1))) == 2


def test_list_is_one_record_of_each_id(session: Session) -> None:
    ids = [uuid.UUID(int=number) for number in range(100, 200)]
    audits.record_list(session, Deed.ORIGINAL_LINKED, ids)
    audits.record(session, Deed.ORIGINAL_LINKED, IMAGE)
    audits.record_list(session, Deed.ORIGINAL_LINKED, ids[50:])
    session.commit()
    assert [len(told(session, target=one)) for one in (ids[0], ids[99], IMAGE, JOB)] == [1, 2, 1, 0]
    (found,) = audits.page(session, 1, 10, AuditFilter(target=ids[7])).items
    assert (found.target, found.detail["count"], found.detail["ids"]) == (None, 100, [str(one) for one in ids])
    assert len(told(session)) == 3


def test_ids_of_lists_are_indexed(postgres_sessions: SessionFactory) -> None:
    sent: list[tuple[str, Any]] = []
    with postgres_sessions() as session:
        for number in range(200):
            audits.record_list(
                session, Deed.ORIGINAL_LINKED, [uuid.UUID(int=1000 + number), uuid.UUID(int=2000 + number)]
            )
            audits.record(session, Deed.LOG_IN, *[None] * 10)
        session.execute(text("ANALYZE audit_records"))
        session.execute(text("SET LOCAL enable_seqscan = off"))
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *call: sent.append((call[2], call[3])))
        assert told(session, target=IMAGE) == []
        statement, values = sent[0]
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars())
    assert "ix_audit_records_ids" in plan and "ix_audit_records_target_at_id" in plan, plan


def test_export_has_every_record_once(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audits, "AT_ONCE", 3)
    audits.record(session, Deed.ORIGINAL_LINKED, *(uuid.UUID(int=number) for number in range(10)))
    session.commit()
    found = [one.target for one in audits.every(session, AuditFilter())]
    assert found == [uuid.UUID(int=number) for number in reversed(range(10))]


@pytest.mark.parametrize(
    "change",
    [
        update(AuditRecord).values(outcome="nothing"),
        delete(AuditRecord),
        delete(AuditRecord).where(AuditRecord.deed == "key.created"),
    ],
)
def test_records_can_not_be_changed(session: Session, change: Any) -> None:
    keys.create(session, "camera")
    with pytest.raises(DBAPIError, match="audit trail"):
        session.execute(change)
    session.rollback()
    assert told(session) == ["key.created"]


def test_table_can_not_be_emptied(postgres_sessions: SessionFactory) -> None:
    with postgres_sessions() as session:
        keys.create(session, "camera")
        with pytest.raises(DBAPIError, match="audit trail"):
            session.execute(text("TRUNCATE audit_records"))


def test_retention_deletes_the_old_alone(session: Session) -> None:
    for days in (0, 29, 31, 400):
        row = {"at": now() - timedelta(days=days), "actor_kind": "cli", "deed": f"d{days}", "outcome": "ok"}
        session.execute(AuditRecord.__table__.insert(), [row])  # type: ignore[attr-defined]  # a table, not a join
    session.commit()
    assert audits.delete_old(session, 365) == 1
    assert told(session) == ["d31", "d29", "d0"]
    assert audits.delete_old(session, 30) == 1
    with pytest.raises(DBAPIError, match="audit trail"):
        audits.delete_old(session, 7)


# --- a process that is killed --------------------------------------------------------------------


def delete_key(session: Session) -> None:
    keys.delete(session, keys.list_all(session)[0].id)


def rotate_key(session: Session) -> None:
    keys.rotate(session, keys.list_all(session)[0].id, 60)


def change_key(session: Session) -> None:
    keys.change(session, keys.list_all(session)[0].id, is_active=False)


def on_batch(act: Callable[[Session, uuid.UUID], object]) -> Act:
    return lambda session: act(session, lifecycle.page(session, 1, 1).items[0].id)


def cancel_and_remove(session: Session) -> None:
    batch_id = lifecycle.page(session, 1, 1).items[0].id
    lifecycle.cancel(session, batch_id)
    removals.remove(session, batch_id)


DEEDS: dict[str, tuple[Act, list[str]]] = {
    "create": (lambda session: keys.create(session, "camera"), ["key.created"]),
    "change": (change_key, ["key.changed"]),
    "rotate": (rotate_key, ["key.rotated"]),
    "delete": (delete_key, ["key.deleted"]),
    "image": (lambda session: records.delete_images(session, [IMAGE], Deed.IMAGE_DELETED), ["image.deleted"]),
    "review": (lambda session: reviews.accept(session, JOB, "admin"), ["review.accepted"]),
    "batch": (lambda session: lifecycle.create(session, NewBatch("b", OPTIONS)), ["batch.created"]),
    "close": (on_batch(lifecycle.close), ["batch.closed"]),
    "cancel": (on_batch(lifecycle.cancel), ["batch.cancelled"]),
    "retry": (on_batch(bulk.retry_failed), []),
    "remove": (cancel_and_remove, ["batch.cancelled", "batch.deleted"]),
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a key, a picture that waits for a person, and a batch."""
    settings = config.read(var_dir=tmp_path_factory.mktemp("prepared"))
    migrations.upgrade(settings)
    sessions = engine.session_factory(settings)
    with sessions() as session:
        keys.create(session, "camera")
        image = rows.image(id=IMAGE)
        rows.save_result(session, image, rows.mask_job(image, id=JOB, review_state="pending"), [], {})
        lifecycle.create(session, NewBatch("a", OPTIONS))
    sessions.kw["bind"].dispose()
    return settings.var_dir / "face-api.sqlite3"


def state(file: Path) -> tuple[str, list[str]]:
    """All rows but those of the trail, and the trail's deeds."""
    bind = engine.create(config.read(database_url=f"sqlite:///{file}"))
    with bind.connect() as connection:
        tables = [table for table in Base.metadata.sorted_tables if table.name != "audit_records"]
        everything = {table.name: sorted(map(repr, connection.execute(select(table)))) for table in tables}
        deeds = connection.scalars(select(AuditRecord.deed).order_by(AuditRecord.id)).all()
    bind.dispose()
    return json.dumps(everything), list(deeds)


def run_until(file: Path, act: Act, statement: int) -> bool:
    """Run a deed in a process that is killed before its n-th statement or commit; whether it was."""
    child = os.fork()
    if child == 0:
        bind = engine.create(config.read(database_url=f"sqlite:///{file}"))
        left = [statement]

        def count(*_: Any) -> None:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(bind, "before_cursor_execute", count)
        event.listen(bind, "commit", count)
        with sessionmaker(bind, expire_on_commit=False)() as session:
            act(session)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("name", DEEDS)
def test_no_deed_is_ever_without_its_record(prepared: Path, tmp_path: Path, name: str) -> None:
    act, expected = DEEDS[name]
    before, first = state(prepared)
    for statement in range(100):
        file = tmp_path / f"{statement}.sqlite3"
        shutil.copy(prepared, file)
        killed = run_until(file, act, statement)
        after, deeds = state(file)
        new = deeds[len(first) :]
        assert (after != before) == bool(new) or not expected, (statement, new)
        assert new == expected[: len(new)]
        if not killed:
            assert new == expected and statement > 0
            return
    raise AssertionError("it never ended")


def test_listener_counts_statements(prepared: Path, tmp_path: Path) -> None:
    """The killing kills: else the test above would prove nothing."""
    file = tmp_path / "copy.sqlite3"
    shutil.copy(prepared, file)
    assert run_until(file, DEEDS["create"][0], 0)
    assert isinstance(engine.create(config.read(database_url=f"sqlite:///{file}")), Engine)
