# Made by `python -m tests.clients.generated` from asynchronous/videos.py: change it there.
"""Calls about videos, which are masked in the background."""

import time
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

import httpx

from face_api_client import files, responses
from face_api_client.synchronous.transport import Calls
from face_api_client.batches import Page
from face_api_client.errors import Rejected
from face_api_client.files import Source, Told
from face_api_client.options import VideoOptions
from face_api_client.retries import FailedAttempt
from face_api_client.videos import AcceptedVideo, TrackedFrame, Video, VideoStatus, VideoUpload

VIDEOS = "/api/v1/videos"
UPLOADS = f"{VIDEOS}/uploads"
PIECE_TYPE = "application/offset+octet-stream"


class VideoCalls(Calls):
    def create_video(
        self, video: Source, told: Told | None = None, **options: Unpack[VideoOptions]
    ) -> AcceptedVideo:
        """Mask a video: a path, or the bytes of a file. told: is called with how many bytes have been sent.

        It is uploaded in pieces: when a connection breaks, one of them is sent again.
        """
        upload = self.upload_video(video, told)
        return self.create_video_from_upload(upload.id, **options)

    def create_video_from_upload(self, upload_id: str, **options: Unpack[VideoOptions]) -> AcceptedVideo:
        """Mask a video that was uploaded in pieces; one that was made of it before is returned as it is."""
        query, body = _given(options), {"upload_id": upload_id}
        response = self._transport.send(lambda: self._transport.http.post(VIDEOS, params=query, json=body))
        return responses.decode(AcceptedVideo, response)

    def create_video_from_bucket(self, source_key: str, **options: Unpack[VideoOptions]) -> AcceptedVideo:
        """Mask a video that is in the service's bucket already."""
        query, body = _given(options), {"source_key": source_key}
        # The service knows no repeat: this is not asked again that may have been heard.
        response = self._transport.send(
            lambda: self._transport.http.post(VIDEOS, params=query, json=body), is_repeatable=False
        )
        return responses.decode(AcceptedVideo, response)

    def upload_video(
        self, video: Source, told: Told | None = None, begun: VideoUpload | None = None
    ) -> VideoUpload:
        """Upload a file in pieces, and return it when it is complete. begun: one that was interrupted, to go on."""
        upload = begun or self.create_video_upload(files.name_of(video), files.size_of(video))
        while not upload.is_complete:
            upload = self.append_to_video_upload(upload, video, told)
        return upload

    def create_video_upload(self, filename: str, size_bytes: int) -> VideoUpload:
        """Begin to upload a file in pieces; what nothing is added to for a day, the service deletes."""
        body = {"filename": filename, "size_bytes": size_bytes}
        return responses.decode(VideoUpload, self._transport.post(UPLOADS, body))

    def get_video_upload(self, upload_id: str) -> VideoUpload:
        """Return how much of a file has arrived."""
        return responses.decode(VideoUpload, self._transport.get(f"{UPLOADS}/{upload_id}"))

    def append_to_video_upload(self, upload: VideoUpload, video: Source, told: Told | None = None) -> VideoUpload:
        """Send the next piece of a file, and return how much of it has arrived then."""
        size = min(files.PIECE_BYTES, upload.size_bytes - upload.offset)
        headers = {"Upload-Offset": str(upload.offset), "Content-Length": str(size), "Content-Type": PIECE_TYPE}

        def blocks() -> Iterator[bytes]:
            for block in files.blocks(video, upload.offset, size, told):
                yield block

        def attempt() -> httpx.Response:
            path = f"{UPLOADS}/{upload.id}"
            return self._transport.http.patch(path, content=blocks(), headers=headers)

        try:
            self._transport.send(attempt)
        except Rejected as error:
            if error.code != "upload_conflict":
                raise
            # The answer to an attempt that was kept got lost: the upload is further than was known.
            further = self.get_video_upload(upload.id)
            if further.offset <= upload.offset:
                raise
            return further
        return replace(upload, offset=upload.offset + size)

    def delete_video_upload(self, upload_id: str) -> None:
        """Delete what has arrived of a file; one that is gone is no error."""
        self._transport.delete(f"{UPLOADS}/{upload_id}")

    def list_videos(self, status: VideoStatus | None = None, *, page: int = 1, per_page: int = 20) -> Page[Video]:
        """Return a page of the videos, newest first."""
        query = {"status": status, "page": page, "per_page": per_page}
        return responses.decode_page(Video, self._transport.get(VIDEOS, **query))

    def get_video(self, video_id: str) -> Video:
        """Return how far a video is."""
        return responses.decode(Video, self._transport.get(f"{VIDEOS}/{video_id}"))

    def watch_video(self, video_id: str, every_s: float = 1.0) -> Iterator[Video]:
        """Yield a video, and again whenever it has changed, until it has ended."""
        shown = None
        while shown is None or not shown.is_finished:
            if shown is not None:
                time.sleep(every_s)
            video = self.get_video(video_id)
            if video != shown:
                yield video
            shown = video

    def wait_for_video(self, video_id: str, every_s: float = 1.0) -> Video:
        """Return a video when it has ended: `completed`, `failed` or `cancelled`."""
        while not (video := self.get_video(video_id)).is_finished:
            time.sleep(every_s)
        return video

    def download_video(self, video_id: str, out: str | Path) -> str:
        """Download the masked video to a file; return its sha256. It is there when it is complete."""
        return self._transport.receive(f"{VIDEOS}/{video_id}/result", Path(out))

    def download_video_tracks(self, video_id: str) -> Iterator[TrackedFrame]:
        """Yield what was masked in each frame, as it comes."""
        response = self._transport.stream(f"{VIDEOS}/{video_id}/tracks")
        try:
            for line in response.iter_lines():
                yield responses.build(TrackedFrame, json.loads(line))
        except httpx.TransportError as error:
            raise FailedAttempt.of_transport(error).error from error
        except (ValueError, TypeError) as error:
            raise responses.not_the_service(response.status_code) from error
        finally:
            response.close()

    def cancel_video(self, video_id: str) -> Video:
        """End a video; one that has ended stays as it is."""
        return responses.decode(Video, self._transport.post(f"{VIDEOS}/{video_id}/cancel"))

    def delete_video(self, video_id: str) -> None:
        """Delete a video with its upload, its result and its tracks; one that is gone is no error."""
        self._transport.delete(f"{VIDEOS}/{video_id}")


def _given(options: VideoOptions) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
