"""Calls about batches: many pictures that are processed in the background."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from face_api_client import files, responses
from face_api_client.asynchronous.transport import AsyncCalls
from face_api_client.batches import Batch, BatchItem, BatchStatus, ItemState, NewBatch, Page, UnsentFile, UploadReceipt
from face_api_client.files import HashingReader, Upload

BATCHES = "/api/v1/admin/batches"
PER_PAGE = 100
# Items that finish at the same moment may be listed out of order: each poll starts a little before the last one's end.
OVERLAP = timedelta(seconds=5)


class AsyncBatchCalls(AsyncCalls):
    async def create_batch(self, batch: NewBatch) -> Batch:
        """Create a batch; the same one created again is returned as it is."""
        key = {"Idempotency-Key": batch.idempotency_key}
        return responses.decode(Batch, await self._transport.post(BATCHES, batch.body(), key))

    async def list_batches(
        self, status: BatchStatus | None = None, *, page: int = 1, per_page: int = 20
    ) -> Page[Batch]:
        """Return a page of the batches, newest first."""
        query = {"status": status, "page": page, "per_page": per_page}
        return responses.decode_page(Batch, await self._transport.get(BATCHES, **query))

    async def get_batch(self, batch_id: str) -> Batch:
        """Return how far a batch is."""
        return responses.decode(Batch, await self._transport.get(f"{BATCHES}/{batch_id}"))

    async def watch_batch(self, batch_id: str, every_s: float = 1.0) -> AsyncIterator[Batch]:
        """Yield a batch, and again whenever it has changed, until it is finished.

        The service tells of changes by an event stream. Where it can't, or no longer does, it is asked every so often.
        """
        shown: Batch | None = None
        with suppress(httpx.TransportError, ValueError, TypeError):  # whatever ends it: asking tells the same
            async with self._transport.events(f"{BATCHES}/{batch_id}/events") as lines:
                async for line in lines:
                    told = responses.build(Batch, json.loads(line[5:])) if line.startswith("data:") else shown
                    if told is not None and told != shown:
                        shown = told
                        yield shown
        while shown is None or not shown.is_finished:
            if shown is not None:
                await asyncio.sleep(every_s)
            batch = await self.get_batch(batch_id)
            if batch != shown:
                yield batch
            shown = batch

    async def wait_for_batch(self, batch_id: str, every_s: float = 1.0) -> Batch:
        """Return a batch when it is finished; one that is not closed waits for more pictures."""
        while not (batch := await self.get_batch(batch_id)).is_finished:
            await asyncio.sleep(every_s)
        return batch

    async def add_batch_images(self, batch_id: str, images: Sequence[Upload]) -> UploadReceipt:
        """Upload pictures in one request; OSError names a file that can't be read.

        The same picture under the same name makes no second item.
        """
        readers: dict[str, HashingReader] = {}

        async def attempt() -> httpx.Response:
            with ExitStack() as stack:
                for image in images:
                    readers[image.name] = stack.enter_context(files.opened(image.source))
                parts = [("images", files.part_of(image.name, readers[image.name])) for image in images]
                return await self._transport.http.post(f"{BATCHES}/{batch_id}/images", files=parts)

        receipt = responses.decode(UploadReceipt, await self._transport.send(attempt))
        return replace(receipt, digests={name: reader.digest for name, reader in readers.items()})

    async def upload_files(self, batch_id: str, images: Iterable[Upload]) -> UploadReceipt:
        """Upload any number of pictures, several in each request."""
        receipts = [await self.add_batch_images(batch_id, together) for together in files.requests_of(images)]
        return UploadReceipt(
            tuple(file for receipt in receipts for file in receipt.accepted),
            tuple(file for receipt in receipts for file in receipt.refused),
            {name: digest for receipt in receipts for name, digest in receipt.digests.items()},
        )

    async def add_unsent_files(self, batch_id: str, unsent: Sequence[UnsentFile]) -> Batch:
        """Tell the service of files that can't be sent to it, so that its counts and lists have them, too."""
        body = {"files": [asdict(file) for file in unsent]}
        return responses.decode(Batch, await self._transport.post(f"{BATCHES}/{batch_id}/unsent", body))

    async def close_batch(self, batch_id: str) -> Batch:
        """Say that no more pictures will come: the batch is completed with the last of its items."""
        return await self._change(batch_id, "close")

    async def cancel_batch(self, batch_id: str) -> Batch:
        """Start no more items; finished results are kept."""
        return await self._change(batch_id, "cancel")

    async def retry_failed_items(self, batch_id: str) -> Batch:
        """Queue every failed item again."""
        return await self._change(batch_id, "retry-failed")

    async def retry_batch_item(self, batch_id: str, item_id: str) -> Batch:
        """Queue one failed item again."""
        return await self._change(batch_id, f"items/{item_id}/retry")

    async def delete_batch(self, batch_id: str) -> None:
        """Delete a finished or cancelled batch with its pictures, results and jobs; one that is gone is no error."""
        await self._transport.delete(f"{BATCHES}/{batch_id}")

    async def list_batch_items(
        self, batch_id: str, state: ItemState | None = None, *, page: int = 1, per_page: int = 20
    ) -> Page[BatchItem]:
        """Return a page of a batch's items, in the order in which they were added."""
        query = {"state": state, "page": page, "per_page": per_page}
        return responses.decode_page(BatchItem, await self._transport.get(f"{BATCHES}/{batch_id}/items", **query))

    async def all_items(self, batch_id: str) -> AsyncIterator[tuple[BatchItem, ...]]:
        """Yield all items of a batch, page by page."""
        page = 1
        while items := (await self.list_batch_items(batch_id, page=page, per_page=PER_PAGE)).items:
            yield items
            page += 1

    async def finished_items(self, batch_id: str, after: datetime) -> AsyncIterator[tuple[BatchItem, ...]]:
        """Yield the items that have finished since a moment, or a little before it, oldest first, page by page.

        Keyset pagination: each page starts at the moment where the one before ended, because large offsets would get
        slower and slower. Some items are yielded twice.
        """
        after, page = after - OVERLAP, 1
        while items := await self._finished_page(batch_id, after, page):
            yield items
            if len(items) < PER_PAGE:
                return
            last = max([after, *(item.finished_at for item in items if item.finished_at)])
            # Very many may have finished at one moment.
            after, page = (last, 1) if last > after else (after, page + 1)

    async def download_item_result(self, batch_id: str, item_id: str, out: str | Path) -> str:
        """Download the masked picture of an item, or what was detected as JSON, to a file; return its sha256."""
        return await self._transport.receive(f"{BATCHES}/{batch_id}/items/{item_id}/result", Path(out))

    async def download_batch_results(self, batch_id: str, out: str | Path) -> str:
        """Download all finished results to a ZIP file; return its sha256. It is there when it is complete."""
        return await self._transport.receive(f"{BATCHES}/{batch_id}/results", Path(out))

    async def _change(self, batch_id: str, action: str) -> Batch:
        return responses.decode(Batch, await self._transport.post(f"{BATCHES}/{batch_id}/{action}"))

    async def _finished_page(self, batch_id: str, after: datetime, page: int) -> tuple[BatchItem, ...]:
        query = {"page": page, "per_page": PER_PAGE}
        path = f"{BATCHES}/{batch_id}/items"
        response = await self._transport.get(path, finished_after=after.isoformat(), **query)
        return responses.decode_page(BatchItem, response).items
