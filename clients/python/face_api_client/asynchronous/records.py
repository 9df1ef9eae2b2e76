"""Calls about what the service has stored: images, and the jobs that were done with them.

A key with the scope `read` sees what it made; one with `admin` sees everything, and deletes and counts.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Unpack

from face_api_client import responses
from face_api_client.asynchronous.transport import AsyncCalls
from face_api_client.batches import Page
from face_api_client.records import ImageDetail, ImageFilter, Job, JobDetail, JobFilter, Stats, StoredImage

IMAGES, JOBS = "/api/v1/admin/images", "/api/v1/admin/jobs"


class AsyncRecordCalls(AsyncCalls):
    async def get_stats(self) -> Stats:
        """Return how much was stored and done."""
        return responses.decode(Stats, await self._transport.get("/api/v1/admin/stats"))

    async def list_images(
        self, *, page: int = 1, per_page: int = 20, **wanted: Unpack[ImageFilter]
    ) -> Page[StoredImage]:
        """Return a page of the images, newest first."""
        response = await self._transport.get(IMAGES, page=page, per_page=per_page, **_query(wanted))
        return responses.decode_page(StoredImage, response)

    async def get_image(self, image_id: str) -> ImageDetail:
        """Return an image with its jobs."""
        return responses.decode(ImageDetail, await self._transport.get(f"{IMAGES}/{image_id}"))

    async def download_image(self, image_id: str, out: str | Path) -> str:
        """Download an original to a file; return its sha256."""
        return await self._transport.receive(f"{IMAGES}/{image_id}/download", Path(out))

    async def delete_image(self, image_id: str) -> None:
        """Delete an image with its jobs and results; one that is gone is no error."""
        await self._transport.delete(f"{IMAGES}/{image_id}")

    async def list_jobs(self, *, page: int = 1, per_page: int = 20, **wanted: Unpack[JobFilter]) -> Page[Job]:
        """Return a page of the jobs, newest first unless `order` says otherwise."""
        response = await self._transport.get(JOBS, page=page, per_page=per_page, **_query(wanted))
        return responses.decode_page(Job, response)

    async def get_job(self, job_id: str) -> JobDetail:
        """Return a job with its image and the faces."""
        return responses.decode(JobDetail, await self._transport.get(f"{JOBS}/{job_id}"))

    async def download_job_result(self, job_id: str, out: str | Path) -> str:
        """Download the masked picture of a job to a file; return its sha256."""
        return await self._transport.receive(f"{JOBS}/{job_id}/download", Path(out))


def _query(wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one.isoformat() if isinstance(one, datetime) else one for name, one in wanted.items()}
