"""Sending the pictures: several in a call, several calls at a time, each noted in the journal before the next."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from admin.batches import calls
from admin.batches.clients import Client, RequestRejected
from admin.batches.journals import Failure, Journal
from admin.batches.pictures import LocalPicture

CALL_BYTES = 8 * 2**20  # chosen: a third of what the service takes by default
CALL_FILES = 50
# The batch isn't there or takes no more: nothing else could be sent either.
OF_THE_BATCH = {"not_found", "batch_closed", "tier_off", "not_the_service"}


class Uploads:
    """The sending of one batch."""

    def __init__(self, client: Client, journal: Journal, batch: str, folder: Path) -> None:
        self._client = client
        self._journal = journal
        self._batch = batch
        self._folder = folder
        self._call_bytes = CALL_BYTES

    async def run(self, workers: int) -> None:
        """Send all that waits."""
        waiting = self._calls()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(workers):
                tasks.create_task(self._work(waiting))

    async def _work(self, waiting: Iterator[list[LocalPicture]]) -> None:
        for files in waiting:
            await self._send(files)

    def _calls(self) -> Iterator[list[LocalPicture]]:
        """Yield the files of each call; one that is larger than a call should be goes alone."""
        files: list[LocalPicture] = []
        size = 0
        for one in self._journal.waiting():
            if files and (size + one.size > self._call_bytes or len(files) >= CALL_FILES):
                yield files
                files, size = [], 0
            files.append(one)
            size += one.size
        if files:
            yield files

    async def _send(self, files: Sequence[LocalPicture]) -> None:
        """Send some files; what is refused together is sent apart, until the one that is meant is known."""
        if gone := self._unreadable(files):
            self._journal.fail(gone)
            files = [one for one in files if one.name not in {failure.name for failure in gone}]
        if not files:
            return
        try:
            await self._send_together(files)
        except RequestRejected as error:
            if error.problem.code in OF_THE_BATCH:
                raise
            if len(files) == 1:
                self._journal.fail([Failure(files[0].name, error.problem.code, error.problem.detail)])
                return
            if error.problem.code == "upload_too_large":
                self._call_bytes = max(1, min(self._call_bytes, sum(one.size for one in files) // 2))
            half = len(files) // 2
            await self._send(files[:half])
            await self._send(files[half:])

    async def _send_together(self, files: Sequence[LocalPicture]) -> None:
        """Send files in one call and note what became of each."""
        told = await calls.upload(self._client, self._batch, self._folder, files)
        sent, failures = told.sent(), told.failures()
        judged = {name for name, *_ in sent} | {one.name for one in failures}
        unanswered = (one.name for one in files if one.name not in judged)
        self._journal.uploaded(sent)
        self._journal.fail(
            [*failures, *(Failure(name, "unanswered", "the service said nothing of it") for name in unanswered)]
        )

    def _unreadable(self, files: Sequence[LocalPicture]) -> list[Failure]:
        """Find the files that can't be opened."""
        found = []
        for one in files:
            try:
                (self._folder / one.name).open("rb").close()
            except OSError as error:
                found.append(Failure(one.name, "unreadable_file", error.strerror or "it can't be read"))
        return found
