"""The results of a batch: what is told of each item, and all of them as one archive. All SQL about them.

An archive may be read for hours: it holds one picture and one page of rows at a time, and no transaction in between.
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

from core import logs
from core.batches import item_names, lifecycle
from core.database.engine import SessionFactory
from core.database.models import Batch, BatchItem, Image, ProcessingJob
from core.errors import NotFound
from core.storage.base import ObjectStore

log = logs.get(__name__)

AT_ONCE = 200
MANIFEST = "manifest.jsonl"
SUFFIXES = {"jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"), "png": (".png",), "webp": (".webp",)}
FINISHED = ("completed", "failed", "cancelled")


@dataclass(frozen=True)
class ArchiveEntry:
    """A picture that was masked: where it is, and what it is called beside the others."""

    position: int
    key: str
    name: str


@dataclass(frozen=True)
class ResultObject:
    """The masked picture of one item. filename: the last part of its name, with the suffix of its format."""

    key: str
    output_format: str
    filename: str
    sha256: str | None


def find_result(session: Session, batch_id: uuid.UUID, item_id: uuid.UUID) -> ResultObject | None:
    """Find the masked picture of an item; None where detection is all there is. NotFound while there is no result."""
    wanted = _with_job(BatchItem.name, BatchItem.result_digest, ProcessingJob.output_format, _KEY)
    row = session.execute(wanted.where(BatchItem.batch_id == batch_id, BatchItem.id == item_id, _COMPLETED)).first()
    if row is None:
        raise NotFound("this item has no result, or not yet")
    if row.processed_s3_key is None:
        return None
    filename = PurePosixPath(_suffixed(row.name, row.output_format)).name
    return ResultObject(row.processed_s3_key, row.output_format, filename, row.result_digest)


def describe_item(session: Session, batch_id: uuid.UUID, item_id: uuid.UUID) -> dict[str, Any]:
    """Say all about one finished item, as the manifest does; NotFound while it isn't finished."""
    batch = lifecycle.get(session, batch_id)
    row = session.execute(_entries(batch_id).where(BatchItem.id == item_id)).first()
    if row is None:
        raise NotFound("this item has no result, or not yet")
    return _entry(batch, row, None)


def archive(sessions: SessionFactory, store: ObjectStore, batch_id: uuid.UUID) -> Iterator[bytes]:
    """Yield a ZIP of what is finished now: every masked picture, and last the manifest of all finished items.

    What fails after the first block ends it without the directory that makes it a ZIP, so that nobody takes it for
    whole. NotFound, StorageUnavailable.
    """
    with sessions() as session:
        batch = lifecycle.get(session, batch_id)
    zipped = ZipStream(compress_type=ZIP_STORED)  # pictures are compressed already
    # By position, from 1: what has its place in the archive, so that the manifest names just those.
    included = bytearray(batch.total + 1)
    for result in _results(sessions, batch):
        try:
            data = store.get(result.key)
        except NotFound:  # deleted since; the manifest has it without a picture
            continue
        zipped.add(data, result.name)
        del data
        yield from zipped.file()
        included[result.position] = 1
    zipped.add(_manifest(sessions, batch, included), MANIFEST, compress_type=ZIP_DEFLATED)
    yield from zipped.finalize()


def _results(sessions: SessionFactory, batch: Batch) -> Iterator[ArchiveEntry]:
    """Yield what was masked until now, in the order of the items; those that come meanwhile are left out."""
    columns = (BatchItem.position, BatchItem.id, BatchItem.name, ProcessingJob.output_format, _KEY)
    wanted = _with_job(*columns).where(BatchItem.batch_id == batch.id, _COMPLETED, _KEY.is_not(None))
    last = 0
    while last < batch.total:
        with sessions() as session:
            some = session.execute(_page(wanted, last, batch.total)).all()
            names = _names(session, batch.id, some)
        for row in some:
            yield ArchiveEntry(row.position, row.processed_s3_key, names[row.position])
        last = some[-1].position if len(some) == AT_ONCE else batch.total


def _manifest(sessions: SessionFactory, batch: Batch, included: bytearray) -> Iterator[bytes]:
    """Yield a line of JSON for each finished item; one that finished after its place had passed is left out."""
    last = 0
    while last < batch.total:
        with sessions() as session:
            some = session.execute(_page(_entries(batch.id), last, batch.total)).all()
            names = _names(session, batch.id, some)
        for row in some:
            name = names[row.position] if included[row.position] else None
            if name or row.state != "completed" or row.processed_s3_key is None:
                yield json.dumps(_entry(batch, row, name), ensure_ascii=False).encode() + b"\n"
        last = some[-1].position if len(some) == AT_ONCE else batch.total


_KEY = ProcessingJob.processed_s3_key
_COMPLETED = BatchItem.state == "completed"


def _with_job(*columns: Any) -> Select[Any]:
    return select(*columns).join(ProcessingJob, ProcessingJob.id == BatchItem.job_id, isouter=True)


def _entries(batch_id: uuid.UUID) -> Select[Any]:
    """Ask for all that the manifest tells of finished items."""
    of_item = (
        BatchItem.position,
        BatchItem.id,
        BatchItem.name,
        BatchItem.state,
        BatchItem.attempts,
        BatchItem.image_id,
    )
    of_job = (_KEY, ProcessingJob.output_format, ProcessingJob.detections, ProcessingJob.report, ProcessingJob.total_ms)
    more = (BatchItem.job_id, BatchItem.size_bytes, BatchItem.digest, BatchItem.result_digest, BatchItem.face_count)
    ends = (BatchItem.error_code, BatchItem.error_detail, BatchItem.finished_at, Image.width, Image.height)
    wanted = _with_job(*of_item, *of_job, *more, *ends).join(Image, Image.id == BatchItem.image_id, isouter=True)
    return wanted.where(BatchItem.batch_id == batch_id, BatchItem.state.in_(FINISHED))


def _page(wanted: Select[Any], after: int, until: int) -> Select[Any]:
    positions = (BatchItem.position > after, BatchItem.position <= until)
    return wanted.where(*positions).order_by(BatchItem.position).limit(AT_ONCE)


def _entry(batch: Batch, row: Any, name: str | None) -> dict[str, Any]:
    """Word an item. name: of its picture in the archive."""
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
        "detections": row.detections if row.state == "completed" else None,
        "job_type": batch.job_type,
        "options": batch.options,
        "report": row.report if row.state == "completed" else None,
        "total_ms": row.total_ms and round(row.total_ms, 2),
        "result": name,
        "result_sha256": row.result_digest,
        "finished_at": row.finished_at.isoformat(),
    }


def _names(session: Session, batch_id: uuid.UUID, rows: Collection[Any]) -> dict[int, str]:
    """Name the pictures of some items: the item's name, with the suffix of the result's format unless it has that.

    Where another item of the batch has just that name, the id makes the difference. Names are relative and lead nowhere
    else; one that doesn't is replaced by the id.
    """
    made = {row.position: _suffixed(row.name, row.output_format) for row in rows if row.processed_s3_key}
    longer = {made[row.position] for row in rows if row.position in made and made[row.position] != row.name}
    asked = select(BatchItem.name).where(BatchItem.batch_id == batch_id, BatchItem.name.in_(longer))
    taken = {*session.scalars(asked), MANIFEST} if longer else {MANIFEST}
    for row in rows:
        name = made.get(row.position)
        if name is None:
            continue
        if name in taken and name != row.name:
            made[row.position] = _suffixed(f"{row.name}-{row.id}", row.output_format)
        if item_names.problem(row.name):
            made[row.position] = _suffixed(str(row.id), row.output_format)
    return made


def _suffixed(name: str, output_format: str) -> str:
    suffixes = SUFFIXES[output_format]
    return name if PurePosixPath(name).suffix.lower() in suffixes else name + suffixes[0]
