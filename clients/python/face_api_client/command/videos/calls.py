"""The endpoints of the video API: requests, and validated responses."""

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click
import httpx
from pydantic import BaseModel, ValidationError

from face_api_client.command.batches.clients import Client, Rejection, RequestRejected

VIDEOS = "/api/v1/videos"
STEP_BYTES = 1024 * 1024
ENDED = {"completed", "failed", "cancelled"}
Model = TypeVar("Model", bound=BaseModel)
Told = Callable[[int], None]


class VideoFailure(BaseModel):
    code: str = "failed"
    detail: str = ""


class AcceptedVideo(BaseModel):
    id: uuid.UUID


class VideoInfo(BaseModel):
    """A video as the service reports it."""

    id: uuid.UUID
    status: str
    progress: float = 0.0
    frames_total: int | None = None
    frames_done: int = 0
    eta_s: float | None = None
    faces_tracked: int | None = None
    interpolated_share: float | None = None
    error: VideoFailure | None = None


class CountedFile:
    """A file that tells how much of it was read."""

    def __init__(self, file: BinaryIO, told: Told) -> None:
        self._file, self._told = file, told

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._told(self._file.tell())
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


async def upload(client: Client, path: Path, options: dict[str, Any], told: Told) -> AcceptedVideo:
    """Upload a video; told: is called with how many bytes have been sent."""

    async def attempt() -> httpx.Response:
        with path.open("rb") as file:
            sent = {"video": (path.name, CountedFile(file, told), "application/octet-stream")}
            return await client.http.post(VIDEOS, params=options, files=sent)  # type: ignore[arg-type]  # only read

    return _parse(AcceptedVideo, await client.send(attempt))


async def get(client: Client, video: str) -> VideoInfo:
    return _parse(VideoInfo, await client.send(lambda: client.http.get(f"{VIDEOS}/{video}")))


async def download(client: Client, video: str, out: Path) -> None:
    """Download the masked video, whole or not at all."""
    part = out.with_name(out.name + ".part")

    async def attempt() -> httpx.Response:
        async with client.http.stream("GET", f"{VIDEOS}/{video}/result", follow_redirects=True) as response:
            if not response.is_success:
                await response.aread()
                return response
            with part.open("wb") as file:
                async for data in response.aiter_bytes(STEP_BYTES):
                    file.write(data)
                file.flush()
                os.fsync(file.fileno())
        return response

    try:
        await client.send(attempt)
        part.replace(out)
    except OSError as error:
        raise click.ClickException(f"{out}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


async def check(client: Client) -> None:
    """Find out whether videos can be masked there, before a large file is sent."""
    await client.send(lambda: client.http.get(VIDEOS, params={"per_page": 1}))


def _parse(model: type[Model], response: httpx.Response) -> Model:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        rejection = Rejection(response.status_code, "not_the_service", "this is not a response of a Face API")
        raise RequestRejected(rejection) from error
