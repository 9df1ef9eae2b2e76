"""Items and their leases: one outcome for each, whoever dies meanwhile."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from core.batches import items, leases, lifecycle, reaping
from core.batches.items import NewItem
from core.batches.leases import ItemResult
from core.database.clock import database_time
from core.database.models import BatchItem
from core.observability import metrics
from core.records import cleanups, records
from tests.core import rows
from tests.core.batches.made import LEASE_S, OPTIONS, assert_right, begun, counts, ready, result, run_out, take, taken
from tests.core.observability import counted


def test_items_are_taken_in_their_order(session: Session) -> None:
    batch = begun(session, 3)
    held = [taken(session) for _ in range(3)]
    assert [one.name for one in held] == ["0.jpg", "1.jpg", "2.jpg"]
    assert [one.more for one in held] == [True, True, False]
    assert {one.attempts for one in held} == {1}
    assert held[0].options == OPTIONS
    assert take(session) is None
    assert counts(session, batch) == {"running": 3}
    assert_right(session, batch)


def test_completed_item_has_its_outcome(session: Session) -> None:
    batch = begun(session, 1)
    lifecycle.close(session, batch)
    held = taken(session)
    assert leases.complete(session, held, result(3, processed_s3_key="processed/x/y.jpeg"))
    assert_right(session, batch)
    (item,) = items.page(session, lifecycle.get(session, batch), 1, 10).items
    assert (item.row.state, item.row.face_count, item.row.result_digest) == ("completed", 3, "digest")
    assert item.processed_s3_key == "processed/x/y.jpeg"
    found = lifecycle.get(session, batch)
    assert (found.status, found.faces, found.finished_at is not None) == ("completed", 3, True)


def test_worker_that_was_given_up_changes_nothing(session: Session) -> None:
    batch = begun(session, 1)
    late = taken(session)
    run_out(session)
    assert reaping.reap_expired_leases(session) == 1
    ready(session)
    held = taken(session)
    assert (held.item_id, held.attempts) == (late.item_id, 2)
    assert not leases.extend(session, late, LEASE_S)
    assert not leases.complete(session, late, result())
    assert not leases.fail(session, late, "x", "y")
    assert not leases.requeue_later(session, late)
    assert counts(session, batch) == {"running": 1}
    assert leases.complete(session, held, result())
    assert not leases.complete(session, held, result())
    assert counts(session, batch) == {"completed": 1}
    assert_right(session, batch)


def test_third_death_is_quarantine(session: Session) -> None:
    quarantined = counted.value(metrics.LEASE_EXPIRIES, "failed")
    batch = begun(session, 2)
    lifecycle.close(session, batch)
    for death in (1, 2, 3):
        assert taken(session).name == "0.jpg"
        assert reaping.reap_expired_leases(session, "a task") == 1
        assert_right(session, batch)
        if death < 3:
            later = update(BatchItem).where(BatchItem.name == "0.jpg").values(available_at=database_time(3600))
            session.execute(later)  # a slow machine must not reach the end of its pause here
            session.commit()
            assert taken(session).name == "1.jpg", "others have a turn first"
            session.execute(update(BatchItem).where(BatchItem.name == "1.jpg").values(leased_by="another"))
            session.commit()
            run_out(session)
            reaping.reap_expired_leases(session)
            session.execute(update(BatchItem).where(BatchItem.name == "1.jpg").values(lost_leases=0))
            session.commit()
            ready(session)
    assert counted.value(metrics.LEASE_EXPIRIES, "failed") == quarantined + 1
    poisoned = items.page(session, lifecycle.get(session, batch), 1, 10).items[0].row
    assert (poisoned.state, poisoned.error_code, poisoned.lost_leases) == ("failed", "quarantined", 3)
    assert poisoned.error_detail and "3 workers died" in poisoned.error_detail
    assert leases.complete(session, taken(session), result())
    assert lifecycle.get(session, batch).status == "completed"


def test_outage_is_no_death(session: Session) -> None:
    batch = begun(session, 1)
    for _ in range(5):
        assert leases.requeue_later(session, taken(session))
        assert take(session) is None, "not at once"
        ready(session)
    held = taken(session)
    assert held.attempts == 6
    assert leases.complete(session, held, result())
    assert_right(session, batch)


def test_prolonged_lease_is_not_buried(session: Session) -> None:
    begun(session, 1)
    held = taken(session)
    run_out(session)
    assert leases.extend(session, held, LEASE_S)
    assert reaping.reap_expired_leases(session) == 0


def test_deleted_image_has_no_outcome(session: Session) -> None:
    batch = begun(session, 2)
    held = taken(session)
    records.delete_images(session, [held.image_id])
    assert not leases.complete(session, held, result(processed_s3_key="processed/late.jpeg"))
    assert "processed/late.jpeg" in {due.s3_key for due in cleanups.due(session)}
    session.commit()
    assert not leases.fail(session, held, "not_found", "gone")
    assert counts(session, batch) == {"queued": 1, "deleted": 1}
    assert taken(session).name == "1.jpg"
    assert_right(session, batch)


def test_item_of_a_prefix_gets_its_rows_at_the_end(session: Session) -> None:
    batch = begun(session, prefix="in/")
    items.add(session, batch, [NewItem("a.jpg", 5, source_key="in/a.jpg")])
    session.commit()
    first = taken(session)
    leases.requeue_later(session, first)
    ready(session)
    held = taken(session)
    assert (held.key, held.source_key) == (None, "in/a.jpg")
    assert (held.image_id, held.job_id) == (first.image_id, first.job_id)
    image = rows.image(id=held.image_id, s3_key=f"originals/{held.image_id}/a.jpg")
    done = result()
    assert leases.complete(session, held, ItemResult(done.values, done.digest, image))
    (item,) = items.page(session, lifecycle.get(session, batch), 1, 10).items
    assert (item.row.image_id, item.row.job_id) == (held.image_id, held.job_id)
    assert_right(session, batch)
