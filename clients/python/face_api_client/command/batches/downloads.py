"""Polling a batch, and downloading its results as they finish."""

import asyncio
import filecmp
import hashlib
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from face_api_client.asynchronous.batches import PER_PAGE
from face_api_client.asynchronous.client import AsyncClient
from face_api_client.batches import Batch, BatchItem
from face_api_client.command.batches.journals import Journal
from face_api_client.command.batches.outcomes import Failure, ItemOutcome, PendingDownload
from face_api_client.errors import Rejected

POLL_INTERVAL_S = 1.0
PART_PREFIX = ".face-api-batch.part-"
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)


class Downloader:
    """Downloads the results of one batch to a folder. notify: is told which files are replaced."""

    def __init__(
        self, client: AsyncClient, journal: Journal, batch: str, out: Path, notify: Callable[[str], None]
    ) -> None:
        self._client = client
        self._journal = journal
        self._batch = batch
        self._out = out.resolve()
        self._notify = notify
        for leftover in self._out.glob(f"{PART_PREFIX}*"):
            leftover.unlink()
        seen = journal.metadata().get("seen")
        self._seen_until = datetime.fromisoformat(seen) if seen else EARLIEST

    async def download_until_finished(self, workers: int, show: Callable[[Batch], None]) -> Batch:
        """Poll and download until the batch is finished and all its results are here."""
        while not (batch := await self._poll(workers, show)).is_finished:
            await asyncio.sleep(POLL_INTERVAL_S)
        await self._resolve_open()
        await self.download_finished(workers, lambda: show(batch))
        batch = await record_deletions(self._client, self._journal, self._batch)
        show(batch)
        return batch

    async def _poll(self, workers: int, show: Callable[[Batch], None]) -> Batch:
        """Read the batch's progress, and download new results."""
        batch = await self._client.get_batch(self._batch)
        show(batch)
        await self._record_outcomes(self._seen_until)
        await self.download_finished(workers, lambda: show(batch))
        return batch

    async def download_finished(self, workers: int, show: Callable[[], None]) -> None:
        """Download all results that are finished."""
        while files := self._journal.pending_downloads():
            queue = iter(files)
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(workers, len(files))):
                    tasks.create_task(self._work(queue, show))

    async def _work(self, queue: Iterator[PendingDownload], show: Callable[[], None]) -> None:
        for file in queue:
            await self._download(file)
            show()

    async def _download(self, file: PendingDownload) -> None:
        target = self._out / file.result
        if not target.parent.resolve().is_relative_to(self._out):
            self._journal.mark_failed(
                [Failure(file.name, "unsafe_name", "a link in the folder leads out of it")], "lost"
            )
            return
        # At the top of the folder, where the next run finds what a killed one has left; renamed when it is complete.
        part = self._out / f"{PART_PREFIX}{uuid.uuid4()}"
        try:
            sha256 = await self._client.download_item_result(self._batch, file.item, part)
            if not _move(part, target, file.sha256):
                self._journal.mark_failed([_in_the_way(file.name, "another file has this name, and is kept")], "lost")
                return
        except Rejected as error:
            self._journal.mark_failed([Failure(file.name, error.code, error.detail)], "lost")
            return
        finally:
            part.unlink(missing_ok=True)
        self._journal.mark_downloaded(file.name, sha256, target.stat().st_size)
        if file.sha256:
            self._notify(f"replaced: {file.name}: it was masked again at the service")

    async def _record_outcomes(self, after: datetime) -> None:
        """Record the items that have finished since `after`, and where the next poll starts."""
        async for page in self._client.finished_items(self._batch, after):
            self._journal.record_outcomes(ItemOutcome.of(item) for item in page)
            self._seen_until = max([self._seen_until, *(item.finished_at for item in page if item.finished_at)])
        self._journal.set_metadata(seen=self._seen_until.isoformat())

    async def _resolve_open(self) -> None:
        """Read every item once more if some have no outcome here though the batch is finished; the rest are lost."""
        if self._journal.counts_by_state().get("uploaded"):
            await self._record_outcomes(EARLIEST)
        self._journal.mark_lost("uploaded", "the service has no outcome for it, though the batch is finished")
        self._journal.mark_lost("found", "it was not uploaded: the batch was closed or cancelled before")


async def record_deletions(client: AsyncClient, journal: Journal, batch_id: str) -> Batch:
    """Record the items that were deleted at the service since they were downloaded; return what it says of the batch.

    They finished long ago, so no poll finds them: all are listed if there are more than are known.
    """

    async def deleted(page: int) -> tuple[BatchItem, ...]:
        return (await client.list_batch_items(batch_id, "deleted", page=page, per_page=PER_PAGE)).items

    batch, page = await client.get_batch(batch_id), 1
    known = len(journal.deleted_since()) + journal.counts_by_state().get("deleted", 0)
    while batch.counts.deleted > known and (items := await deleted(page)):
        journal.record_outcomes(ItemOutcome.of(item) for item in items)
        page += 1
    return batch


def check_results(journal: Journal, out: Path) -> None:
    """Look for the results that were downloaded: missing and empty ones are fetched again, changed ones are told."""
    missing, changed = [], []
    for result in journal.downloaded_results():
        try:
            size = (out / result.result).stat().st_size
        except OSError:
            size = 0
        if not size:
            missing.append(result.name)
        elif result.size not in (None, size):
            changed.append(_in_the_way(result.name, "its result was changed since it was downloaded, and is kept"))
    journal.mark_missing(missing)
    journal.mark_failed(changed, "lost")


def _in_the_way(name: str, detail: str) -> Failure:
    return Failure(name, "in_the_way", detail)


def _move(part: Path, target: Path, replaced: str | None) -> bool:
    """Rename a file to its target; False if another file is there, which may be somebody's only copy of a picture.

    Identical bytes are a result that a killed run had no time to record. replaced: sha256 of the result that was
    downloaded before, which may go.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        return False
    if target.is_symlink() or target.exists():
        if target.is_symlink() or not target.is_file():
            return False
        if target.stat().st_size and (not replaced or _sha256(target) != replaced):  # nobody keeps an empty file
            return filecmp.cmp(part, target, shallow=False)
    part.replace(target)
    return True


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
