"""Uploading pictures: several per request, several requests at a time, each recorded in the journal before the next."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from face_api_client import files as uploads
from face_api_client.asynchronous.client import AsyncClient
from face_api_client.batches import UnsentFile
from face_api_client.command.batches.journals import Journal
from face_api_client.command.batches.outcomes import Failure
from face_api_client.command.batches.pictures import LocalPicture
from face_api_client.errors import Rejected
from face_api_client.files import Upload

NOTES_PER_CALL = 1000  # as many as the service takes
UNSENT_CODES = {"upload_too_large", "unsendable_name", "unreadable_file"}
# The batch doesn't exist or is closed: nothing else could be uploaded either.
BATCH_CODES = {"not_found", "batch_closed", "tier_off", "not_the_service"}


class Uploader:
    """Uploads the pending pictures of one batch."""

    def __init__(self, client: AsyncClient, journal: Journal, batch: str, folder: Path) -> None:
        self._client = client
        self._journal = journal
        self._batch = batch
        self._folder = folder
        self._request_bytes = uploads.REQUEST_BYTES

    async def run(self, workers: int) -> None:
        """Upload all pending pictures."""
        requests = uploads.requests_of(self._journal.pending_uploads(), lambda: self._request_bytes)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(workers):
                tasks.create_task(self._work(requests))
        await self._note_unsent()

    async def _work(self, requests: Iterator[list[LocalPicture]]) -> None:
        for files in requests:
            await self._upload(files)

    async def _upload(self, files: Sequence[LocalPicture]) -> None:
        """Upload some files; a rejected request is split in halves until the rejected file is known."""
        if unreadable := self._unreadable(files):
            self._journal.mark_failed(unreadable)
            files = [file for file in files if file.name not in {failure.name for failure in unreadable}]
        if not files:
            return
        try:
            await self._upload_together(files)
        except Rejected as error:
            if error.code in BATCH_CODES:
                raise
            if len(files) == 1:
                self._journal.mark_failed([Failure(files[0].name, error.code, error.detail)])
                return
            if error.code == "upload_too_large":
                self._request_bytes = max(1, min(self._request_bytes, sum(file.size for file in files) // 2))
            half = len(files) // 2
            await self._upload(files[:half])
            await self._upload(files[half:])

    async def _upload_together(self, files: Sequence[LocalPicture]) -> None:
        """Upload files in one request and record the outcome of each."""
        images = [Upload(file.name, self._folder / file.name) for file in files]
        receipt = await self._client.add_batch_images(self._batch, images)
        digests = receipt.digests  # names that were never sent are ignored
        accepted = [(file.name, digests[file.name], file.id) for file in receipt.accepted if file.name in digests]
        failures = [Failure(file.name, file.code, file.detail) for file in receipt.refused if file.name in digests]
        answered = {name for name, *_ in accepted} | {failure.name for failure in failures}
        unanswered = (file.name for file in files if file.name not in answered)
        self._journal.mark_uploaded(accepted)
        self._journal.mark_failed(
            [*failures, *(Failure(name, "unanswered", "the response does not mention it") for name in unanswered)]
        )

    async def _note_unsent(self) -> None:
        """Tell the service what can't be sent to it, so that its counts and lists have it, too."""
        unsent = [failure for failure in self._journal.failures() if failure.code in UNSENT_CODES]
        for start in range(0, len(unsent), NOTES_PER_CALL):
            files = [UnsentFile(one.name, one.size, one.code) for one in unsent[start : start + NOTES_PER_CALL]]
            try:
                await self._client.add_unsent_files(self._batch, files)
            except Rejected:
                return  # a service of an older version; here each is named all the same

    def _unreadable(self, files: Sequence[LocalPicture]) -> list[Failure]:
        """Return a failure for each file that can't be opened."""
        failures = []
        for file in files:
            try:
                (self._folder / file.name).open("rb").close()
            except OSError as error:
                failures.append(Failure(file.name, "unreadable_file", error.strerror or "it can't be read"))
        return failures
