"""The results of a batch: the masked picture and description of one item, and all of them as one archive.

A download may take hours: it holds one picture and one page of rows at a time, and no transaction in between.
"""

import json
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED

from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from zipstream import ZipStream

from core.batches import item_names, lifecycle, tree_names
from core.batches.tree_names import TreeNames
from core.contract.states import ItemState
from core.database.engine import SessionFactory
from core.database.models import Batch, BatchItem, Image, ProcessingJob
from core.errors import NotFound
from core.observability import logs
from core.pictures import suffixes
from core.storage.base import ObjectStore

log = logs.get(__name__)

ROWS_AT_ONCE = 200
MANIFEST = "manifest.jsonl"
# A picture's name in the archive, the first that is free. AT_TOP: where a picture has its folder's name.
OWN, WITH_ID, AT_TOP = FORMS = (1, 2, 3)
FINISHED = tuple(state for state in ItemState if state not in {ItemState.QUEUED, ItemState.RUNNING})


@dataclass(frozen=True)
class ArchiveEntry:
    """A masked picture: its key in the store, its name in the archive, and which form of it that is."""

    position: int
    key: str
    name: str
    form: int


@dataclass(frozen=True)
class ResultObject:
    """The masked picture of one item. filename: the last part of its name, with the suffix of its format."""

    key: str
    output_format: str
    filename: str
    sha256: str | None


def find_result(session: Session, batch_id: uuid.UUID, item_id: uuid.UUID) -> ResultObject | None:
    """Find the masked picture of an item; None when it was only detected. NotFound while there is no result."""
    selected = _with_job(BatchItem.name, BatchItem.result_digest, ProcessingJob.output_format, _KEY)
    row = session.execute(selected.where(BatchItem.batch_id == batch_id, BatchItem.id == item_id, _COMPLETED)).first()
    if row is None:
        raise NotFound("this item has no result, or not yet")
    if row.processed_s3_key is None:
        return None
    filename = PurePosixPath(_suffixed(tree_names.portable(row.name), row.output_format)).name
    return ResultObject(row.processed_s3_key, row.output_format, filename, row.result_digest)


def describe_item(session: Session, batch_id: uuid.UUID, item_id: uuid.UUID) -> dict[str, Any]:
    """Describe one finished item as the manifest does; NotFound while it isn't finished."""
    batch = lifecycle.get(session, batch_id)
    row = session.execute(_entries(batch_id).where(BatchItem.id == item_id)).first()
    if row is None:
        raise NotFound("this item has no result, or not yet")
    return _entry(batch, row, None)


def archive(sessions: SessionFactory, store: ObjectStore, batch_id: uuid.UUID) -> Iterator[bytes]:
    """Yield a ZIP of what is finished now: every masked picture, and last the manifest of all finished items.

    A failure after the first block ends it without its central directory: no reader takes it for a complete ZIP.
    NotFound, StorageUnavailable.
    """
    with sessions() as session:
        batch = lifecycle.get(session, batch_id)
    zipped = ZipStream(compress_type=ZIP_STORED)  # pictures are compressed already
    # By position, from 1: under which form of its name a picture is in the archive; 0: it isn't.
    included = bytearray(batch.total + 1)
    for result in _results(sessions, batch):
        try:
            data = store.get(result.key)
        except NotFound:  # deleted since; the manifest lists the item without a picture
            continue
        zipped.add(data, result.name)
        del data
        yield from zipped.file()
        included[result.position] = result.form
    zipped.add(_manifest(sessions, batch, included), MANIFEST, compress_type=ZIP_DEFLATED)
    yield from zipped.finalize()


def _results(sessions: SessionFactory, batch: Batch) -> Iterator[ArchiveEntry]:
    """Yield the masked pictures by position; those of items that are added meanwhile are left out."""
    columns = (BatchItem.position, BatchItem.id, BatchItem.name, ProcessingJob.output_format, _KEY)
    selected = _with_job(*columns).where(BatchItem.batch_id == batch.id, _COMPLETED, _KEY.is_not(None))
    last, tree = 0, TreeNames([MANIFEST])
    while last < batch.total:
        with sessions() as session:
            rows = session.execute(_page(selected, last, batch.total)).all()
            taken = _taken(session, batch.id, rows)
        for row in rows:
            names = {form: _name(row, form) for form in FORMS}
            form = next(form for form in FORMS if names[form] not in taken - {row.name} and tree.add(names[form]))
            yield ArchiveEntry(row.position, row.processed_s3_key, names[form], form)
        last = rows[-1].position if len(rows) == ROWS_AT_ONCE else batch.total


def _manifest(sessions: SessionFactory, batch: Batch, included: bytearray) -> Iterator[bytes]:
    """Yield a line of JSON for each finished item; one that finished too late for its picture is left out."""
    last = 0
    while last < batch.total:
        with sessions() as session:
            rows = session.execute(_page(_entries(batch.id), last, batch.total)).all()
        for row in rows:
            form = included[row.position]
            name = _name(row, form) if form and row.processed_s3_key else None
            if name or row.state != ItemState.COMPLETED or row.processed_s3_key is None:
                yield json.dumps(_entry(batch, row, name), ensure_ascii=False).encode() + b"\n"
        last = rows[-1].position if len(rows) == ROWS_AT_ONCE else batch.total


_KEY = ProcessingJob.processed_s3_key
_COMPLETED = BatchItem.state == ItemState.COMPLETED


def _with_job(*columns: Any) -> Select[Any]:
    return select(*columns).join(ProcessingJob, ProcessingJob.id == BatchItem.job_id, isouter=True)


def _entries(batch_id: uuid.UUID) -> Select[Any]:
    """Select all that the manifest says of finished items."""
    of_item = (
        BatchItem.position,
        BatchItem.id,
        BatchItem.name,
        BatchItem.state,
        BatchItem.attempts,
        BatchItem.image_id,
        BatchItem.corrected_at,
    )
    of_job = (_KEY, ProcessingJob.output_format, ProcessingJob.detections, ProcessingJob.report, ProcessingJob.total_ms)
    by_hand = (ProcessingJob.edited_by, ProcessingJob.uncovered_faces)
    more = (BatchItem.job_id, BatchItem.size_bytes, BatchItem.digest, BatchItem.result_digest, BatchItem.face_count)
    ends = (BatchItem.error_code, BatchItem.error_detail, BatchItem.finished_at, Image.width, Image.height)
    selected = _with_job(*of_item, *of_job, *by_hand, *more, *ends)
    selected = selected.join(Image, Image.id == BatchItem.image_id, isouter=True)
    return selected.where(BatchItem.batch_id == batch_id, BatchItem.state.in_(FINISHED))


def _page(selected: Select[Any], after: int, until: int) -> Select[Any]:
    positions = (BatchItem.position > after, BatchItem.position <= until)
    return selected.where(*positions).order_by(BatchItem.position).limit(ROWS_AT_ONCE)


def _entry(batch: Batch, row: Any, name: str | None) -> dict[str, Any]:
    """Describe an item. name: of its picture in the archive."""
    error = {"code": row.error_code, "detail": row.error_detail or ""} if row.error_code else None
    return {
        "id": str(row.id),
        "name": row.name,
        "state": row.state,
        "error": error,
        "attempts": row.attempts,
        "image_id": row.image_id and str(row.image_id),
        "job_id": row.job_id and str(row.job_id),
        "size_bytes": row.size_bytes,
        "sha256": row.digest,
        "width": row.width or None,
        "height": row.height or None,
        "face_count": row.face_count,
        "detections": row.detections if row.state == ItemState.COMPLETED else None,
        "job_type": batch.job_type,
        "options": batch.options,
        "report": row.report if row.state == ItemState.COMPLETED else None,
        "total_ms": row.total_ms and round(row.total_ms, 2),
        "result": name,
        "result_sha256": row.result_digest,
        "corrected": row.corrected_at is not None,
        "edited_by": row.edited_by,
        "uncovered_faces": row.uncovered_faces,
        "finished_at": row.finished_at.isoformat(),
    }


def _name(row: Any, form: int) -> str:
    """Return a picture's name in the archive: the item's name, with the suffix of the result's format unless it has it.

    form: OWN, or one of those with the id for a name that the archive has already.
    """
    path = str(row.id) if item_names.problem(row.name) else tree_names.portable(row.name)
    own = _suffixed(path, row.output_format)
    if form == OWN:
        return own
    return _suffixed(f"{path if form == WITH_ID else path.replace('/', '_')}-{row.id}", row.output_format)


def _taken(session: Session, batch_id: uuid.UUID, rows: Collection[Any]) -> set[str]:
    """Return which suffixed names of these rows are the very names of other items, which keep them."""
    suffixed = {name for row in rows if (name := _name(row, OWN)) != row.name}
    items = select(BatchItem.name).where(BatchItem.batch_id == batch_id, BatchItem.name.in_(suffixed))
    return set(session.scalars(items)) if suffixed else set()


def _suffixed(name: str, output_format: str) -> str:
    of_format = suffixes.OF_RESULTS[output_format]
    return name if PurePosixPath(name).suffix.lower() in of_format else name + of_format[0]
