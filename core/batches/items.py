"""The items of a batch: inserted, listed. All SQL about them that is not a worker's."""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from core.batches import lifecycle
from core.contract.options import ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.states import ItemState, JobStatus, JobType
from core.database import pages, upserts
from core.database.clock import read_database_time
from core.database.models import Batch, BatchItem, Image, ProcessingJob
from core.database.pages import Page
from core.records import outcomes
from core.records.rows import StoredImage, StoredJob


@dataclass(frozen=True)
class Refusal:
    """Why a file is no picture that is taken."""

    code: str
    detail: str


@dataclass(frozen=True)
class NewItem:
    """A picture that becomes an item. digest: SHA-256 of its bytes, in hexadecimal.

    image: its row, when its bytes are in the store already; else source_key is the object to copy them from. A refusal
    has neither: it stays as an item to be seen. id: of a refused item, when this file takes its place.
    """

    name: str
    size_bytes: int
    digest: str | None = None
    image: StoredImage | None = None
    source_key: str | None = None
    refusal: Refusal | None = None
    id: uuid.UUID = field(default_factory=uuid.uuid4)


@dataclass(frozen=True)
class ExistingItem:
    """An item that the batch has already."""

    id: uuid.UUID
    name: str
    state: str
    digest: str | None


@dataclass(frozen=True)
class ItemFilter:
    """Which items are listed: those in this state that finished at this moment or later."""

    state: ItemState | None = None
    finished_after: datetime | None = None


ALL_ITEMS = ItemFilter()


@dataclass(frozen=True)
class ItemRecord:
    """An item with the key of its masked picture, None without one.

    uncovered_faces: how many sure faces somebody has left visible there, None where that is not known.
    """

    row: BatchItem
    processed_s3_key: str | None
    uncovered_faces: int | None


def options_of(batch: Batch) -> ResolvedDetectOptions:
    """Return the options of each picture of a batch."""
    model = ResolvedMaskOptions if batch.job_type == JobType.MASK else ResolvedDetectOptions
    # Rows from before options were resolved hold null: what it stood for is the model's default.
    return model.model_validate({name: value for name, value in batch.options.items() if value is not None})


def existing(session: Session, batch_id: uuid.UUID, names: Collection[str]) -> dict[str, ExistingItem]:
    """Return the items that have these names, by name."""
    columns = (BatchItem.id, BatchItem.name, BatchItem.state, BatchItem.digest)
    rows = session.execute(select(*columns).where(BatchItem.batch_id == batch_id, BatchItem.name.in_(names)))
    return {row.name: ExistingItem(row.id, row.name, row.state, row.digest) for row in rows if row.name}


def add(session: Session, batch_id: uuid.UUID, new: Collection[NewItem]) -> dict[str, ExistingItem]:
    """Insert items, each with an image and a queued job; part of the caller's transaction.

    A name that the batch has already is skipped, but that of a refused item which a new one replaces. Returns the
    items that were skipped for, by name. NotFound, BatchClosed.
    """
    batch = lifecycle.require_open(session, batch_id)
    before = existing(session, batch_id, [item.name for item in new])
    fresh = {item.name: item for item in new if item.name not in before}
    insert(session, batch, list(fresh.values()))
    refused = {item.id for item in before.values() if item.state == ItemState.REFUSED}
    replaced = [item for item in new if item.id in refused]
    for item in replaced:
        _replace_refused(session, batch, item)
    taken = {item.id for item in replaced}
    return {name: item for name, item in before.items() if item.id not in taken}


def insert(session: Session, batch: Batch, fresh: list[NewItem]) -> None:
    """Insert items of a batch that is locked; part of the caller's transaction."""
    if not fresh:
        return
    moment = read_database_time(session)
    stored = _insert_stored(session, batch, fresh)
    rows = [
        {
            "id": item.id,
            "batch_id": batch.id,
            "position": position,
            "name": item.name,
            "source_key": item.source_key,
            "attempts": 0,
            "lost_leases": 0,
            "available_at": moment,
            "job_id": stored[item.id].id if item.image else None,
            "created_at": moment,
            **_outcome(item, moment),
        }
        for position, item in enumerate(fresh, batch.total + 1)
    ]
    session.execute(upserts.table_of(BatchItem).insert(), rows)
    refused = sum(item.refusal is not None for item in fresh)
    lifecycle.change_counts(session, batch.id, total=len(rows), queued=len(rows) - refused, refused=refused)


def _insert_stored(session: Session, batch: Batch, fresh: list[NewItem]) -> dict[uuid.UUID, StoredJob]:
    """Insert the images and queued jobs of those that are in the store; return the jobs by item."""
    stored = {item.id: _job(batch, item.image) for item in fresh if item.image}
    if stored:
        images = [vars(item.image) | {"api_key_id": batch.api_key_id} for item in fresh if item.image]
        session.execute(upserts.table_of(Image).insert(), images)
        session.execute(upserts.table_of(ProcessingJob).insert(), [vars(job) for job in stored.values()])
    return stored


def _replace_refused(session: Session, batch: Batch, item: NewItem) -> None:
    """Put another file in the place of one that was refused."""
    jobs = _insert_stored(session, batch, [item])
    job_id = jobs[item.id].id if item.image else None
    refused = update(BatchItem).where(BatchItem.id == item.id, BatchItem.state == ItemState.REFUSED)
    moment = read_database_time(session)
    values = _outcome(item, moment) | {"job_id": job_id, "available_at": moment}
    session.execute(refused.values(values).execution_options(synchronize_session=False))
    if not item.refusal:
        lifecycle.change_counts(session, batch.id, refused=-1, queued=1)


def _outcome(item: NewItem, moment: datetime) -> dict[str, Any]:
    """Return the columns that say what becomes of a file: it is queued, or refused."""
    refusal = item.refusal
    return {
        "digest": item.digest,
        "size_bytes": item.size_bytes,
        "image_id": item.image and item.image.id,
        "state": ItemState.REFUSED if refusal else ItemState.QUEUED,
        "error_code": refusal and refusal.code,
        "error_detail": refusal and refusal.detail,
        "finished_at": moment if refusal else None,
    }


def page(session: Session, batch: Batch, page: int, per_page: int, which: ItemFilter = ALL_ITEMS) -> Page[ItemRecord]:
    """Return one page of a batch's items, by position, or by when they finished if the filter asks for that."""
    if which.finished_after:
        return _finished(session, batch, page, per_page, which)
    state = which.state
    total: int = getattr(batch, state) if state else batch.total
    skipped = pages.offset(page, per_page, total)
    if state:
        # Skipping reads the index alone; whole rows are fetched only for the page.
        selected = _with_key().where(BatchItem.id.in_(_ids_in_state(batch, state, skipped, per_page)))
    else:
        last = BatchItem.position <= skipped + per_page
        selected = _with_key().where(BatchItem.batch_id == batch.id, BatchItem.position > skipped, last)
    return Page(_fetch(session, selected.order_by(BatchItem.position)), total, page, per_page)


def _ids_in_state(batch: Batch, state: ItemState, skipped: int, per_page: int) -> Any:
    """Select the ids on a page of the items in a state, counted from the end of the list that is nearer."""
    in_state = select(BatchItem.id).where(BatchItem.batch_id == batch.id, BatchItem.state == state)
    left = max(0, getattr(batch, state) - skipped)
    behind = max(0, left - per_page)
    if behind < skipped:
        from_end = in_state.order_by(BatchItem.position.desc()).offset(behind)
        return from_end.limit(min(left, per_page)).scalar_subquery()
    return in_state.order_by(BatchItem.position).offset(skipped).limit(per_page).scalar_subquery()


def _finished(session: Session, batch: Batch, page: int, per_page: int, which: ItemFilter) -> Page[ItemRecord]:
    """Return one page of the items that finished since a moment, in that order: the latest come last."""
    conditions = [BatchItem.batch_id == batch.id, BatchItem.finished_at >= which.finished_after]
    conditions += [BatchItem.state == which.state] if which.state else []
    total = session.scalar(select(func.count()).select_from(BatchItem).where(*conditions)) or 0
    ordered = _with_key().where(*conditions).order_by(BatchItem.finished_at, BatchItem.position)
    shown = ordered.offset(pages.offset(page, per_page, total)).limit(per_page)
    return Page(_fetch(session, shown), total, page, per_page)


def _with_key() -> Select[Any]:
    columns: tuple[Any, ...] = (BatchItem, ProcessingJob.processed_s3_key, ProcessingJob.uncovered_faces)
    return select(*columns).join(ProcessingJob, ProcessingJob.id == BatchItem.job_id, isouter=True)


def _fetch(session: Session, selected: Select[Any]) -> list[ItemRecord]:
    rows: Iterable[Any] = session.execute(selected.execution_options(populate_existing=True))
    return [ItemRecord(*row) for row in rows]


def _job(batch: Batch, image: StoredImage) -> StoredJob:
    return StoredJob(
        id=uuid.uuid4(),
        image_id=image.id,
        batch_id=batch.id,
        status=JobStatus.QUEUED,
        created_at=image.created_at,
        api_key_id=batch.api_key_id,
        **outcomes.requested_columns(options_of(batch)),
    )
