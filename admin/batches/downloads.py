"""Following a batch at the service, and fetching its results as they come."""

import asyncio
import filecmp
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from admin.batches import calls
from admin.batches.calls import BatchInfo
from admin.batches.clients import Client, RequestRejected
from admin.batches.journals import Failure, Journal, PendingDownload

LOOK_EVERY_S = 1.0
PART = ".face-api-batch.part-"
FIRST_MOMENT = datetime(1970, 1, 2, tzinfo=UTC)


class Downloads:
    """The results of one batch, on their way to a folder."""

    def __init__(self, client: Client, journal: Journal, batch: str, out: Path) -> None:
        self._client = client
        self._journal = journal
        self._batch = batch
        self._out = out.resolve()
        for left in self._out.glob(f"{PART}*"):
            left.unlink()
        told = journal.facts().get("seen")
        self._seen = datetime.fromisoformat(told) if told else FIRST_MOMENT

    async def follow(self, workers: int, show: Callable[[BatchInfo], None]) -> BatchInfo:
        """Fetch results until the batch is over and all of them are here."""
        while not (batch := await self._look(workers, show)).is_over:
            await asyncio.sleep(LOOK_EVERY_S)
        await self._settle()
        await self.fetch(workers, lambda: show(batch))
        show(batch)
        return batch

    async def _look(self, workers: int, show: Callable[[BatchInfo], None]) -> BatchInfo:
        """Ask how far the batch is, and fetch what is new."""
        batch = await calls.get(self._client, self._batch)
        show(batch)
        await self._learn(self._seen)
        await self.fetch(workers, lambda: show(batch))
        return batch

    async def fetch(self, workers: int, show: Callable[[], None]) -> None:
        """Fetch what is finished."""
        while files := self._journal.finished():
            left = iter(files)
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(workers, len(files))):
                    tasks.create_task(self._work(left, show))

    async def _work(self, left: Iterator[PendingDownload], show: Callable[[], None]) -> None:
        for file in left:
            await self._fetch(file)
            show()

    async def _fetch(self, file: PendingDownload) -> None:
        target = self._out / file.result
        if not target.parent.resolve().is_relative_to(self._out):
            self._journal.fail([Failure(file.name, "unsafe_name", "a link in the folder leads out of it")], "lost")
            return
        # Beside the tree, where the next run finds what a killed one has left; it gets its name when it is whole.
        part = self._out / f"{PART}{uuid.uuid4()}"
        try:
            await calls.download(self._client, self._batch, file.item, part)
            if not _put(part, target):
                self._journal.fail([Failure(file.name, "in_the_way", "another file has its place, and stays")], "lost")
                return
        except RequestRejected as error:
            self._journal.fail([Failure(file.name, error.problem.code, error.problem.detail)], "lost")
            return
        finally:
            part.unlink(missing_ok=True)
        self._journal.downloaded(file.name)

    async def _learn(self, after: datetime) -> None:
        """Ask which items have ended since the last look, and note where the next one begins."""
        async for page in calls.ended(self._client, self._batch, after):
            self._journal.learn(one.outcome() for one in page)
            self._seen = max([self._seen, *(one.finished_at for one in page if one.finished_at)])
        self._journal.note(seen=self._seen.isoformat())

    async def _settle(self) -> None:
        """Look at every item once more where some are still open here, though the batch is over."""
        if self._journal.counts().get("uploaded"):
            await self._learn(FIRST_MOMENT)
        self._journal.give_up("uploaded", "the service has no outcome for it, though the batch is over")
        self._journal.give_up("found", "it was not sent: the batch was closed or cancelled before")


def _put(part: Path, target: Path) -> bool:
    """Give a file its name, unless another has it: that may be the only copy of somebody's picture.

    The same bytes are a result that a killed run had no time to note.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        return False
    if target.is_symlink() or target.exists():
        return target.is_file() and not target.is_symlink() and filecmp.cmp(part, target, shallow=False)
    part.replace(target)
    return True
