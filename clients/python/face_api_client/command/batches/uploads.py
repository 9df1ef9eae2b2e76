"""Uploading pictures: several per request, several requests at a time, each recorded in the journal before the next."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from face_api_client.command.batches import calls
from face_api_client.command.batches.clients import Client, RequestRejected
from face_api_client.command.batches.journals import Journal
from face_api_client.command.batches.outcomes import Failure
from face_api_client.command.batches.pictures import LocalPicture

REQUEST_BYTES = 8 * 2**20  # chosen: a third of what the service accepts by default
REQUEST_FILES = 50
NOTES_PER_CALL = 1000  # as many as the service takes
UNSENT_CODES = {"upload_too_large", "unsendable_name", "unreadable_file"}
# The batch doesn't exist or is closed: nothing else could be uploaded either.
BATCH_CODES = {"not_found", "batch_closed", "tier_off", "not_the_service"}


class Uploader:
    """Uploads the pending pictures of one batch."""

    def __init__(self, client: Client, journal: Journal, batch: str, folder: Path) -> None:
        self._client = client
        self._journal = journal
        self._batch = batch
        self._folder = folder
        self._request_bytes = REQUEST_BYTES

    async def run(self, workers: int) -> None:
        """Upload all pending pictures."""
        requests = self._requests()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(workers):
                tasks.create_task(self._work(requests))
        await self._note_unsent()

    async def _work(self, requests: Iterator[list[LocalPicture]]) -> None:
        for files in requests:
            await self._upload(files)

    def _requests(self) -> Iterator[list[LocalPicture]]:
        """Yield the files of each request; one that is larger than a request should be goes alone."""
        files: list[LocalPicture] = []
        size = 0
        for file in self._journal.pending_uploads():
            if files and (size + file.size > self._request_bytes or len(files) >= REQUEST_FILES):
                yield files
                files, size = [], 0
            files.append(file)
            size += file.size
        if files:
            yield files

    async def _upload(self, files: Sequence[LocalPicture]) -> None:
        """Upload some files; a rejected request is split in halves until the rejected file is known."""
        if unreadable := self._unreadable(files):
            self._journal.mark_failed(unreadable)
            files = [file for file in files if file.name not in {failure.name for failure in unreadable}]
        if not files:
            return
        try:
            await self._upload_together(files)
        except RequestRejected as error:
            if error.rejection.code in BATCH_CODES:
                raise
            if len(files) == 1:
                self._journal.mark_failed([Failure(files[0].name, error.rejection.code, error.rejection.detail)])
                return
            if error.rejection.code == "upload_too_large":
                self._request_bytes = max(1, min(self._request_bytes, sum(file.size for file in files) // 2))
            half = len(files) // 2
            await self._upload(files[:half])
            await self._upload(files[half:])

    async def _upload_together(self, files: Sequence[LocalPicture]) -> None:
        """Upload files in one request and record the outcome of each."""
        result = await calls.upload(self._client, self._batch, self._folder, files)
        uploads, failures = result.uploads(), result.failures()
        answered = {name for name, *_ in uploads} | {failure.name for failure in failures}
        unanswered = (file.name for file in files if file.name not in answered)
        self._journal.mark_uploaded(uploads)
        self._journal.mark_failed(
            [*failures, *(Failure(name, "unanswered", "the response does not mention it") for name in unanswered)]
        )

    async def _note_unsent(self) -> None:
        """Tell the service what can't be sent to it, so that its counts and lists have it, too."""
        unsent = [failure for failure in self._journal.failures() if failure.code in UNSENT_CODES]
        for start in range(0, len(unsent), NOTES_PER_CALL):
            files = [
                {"name": failure.name, "size_bytes": 0, "code": failure.code}
                for failure in unsent[start : start + NOTES_PER_CALL]
            ]
            try:
                await self._client.post(f"/batches/{self._batch}/unsent", {"files": files})
            except RequestRejected:
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
