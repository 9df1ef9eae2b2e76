# Made by `python -m tests.clients.generated` from asynchronous/videos.py: change it there.
"""Calls about videos, which are masked in the background."""

import time
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Unpack

import httpx

from face_api_client import files, responses
from face_api_client.synchronous.transport import Calls
from face_api_client.batches import Page
from face_api_client.files import Source, Told
from face_api_client.options import VideoOptions
from face_api_client.retries import FailedAttempt
from face_api_client.videos import AcceptedVideo, TrackedFrame, Video, VideoStatus

VIDEOS = "/api/v1/videos"


class VideoCalls(Calls):
    def create_video(
        self, video: Source, told: Told | None = None, **options: Unpack[VideoOptions]
    ) -> AcceptedVideo:
        """Upload a video: a path, or the bytes of a file. told: is called with how many bytes have been read."""
        query = _given(options)

        def attempt() -> httpx.Response:
            with files.opened(video, told) as file:
                part = files.part_of(files.name_of(video), file)
                return self._transport.http.post(VIDEOS, params=query, files={"video": part})

        # The service knows no repeat: none is sent again that may have arrived.
        return responses.decode(AcceptedVideo, self._transport.send(attempt, is_repeatable=False))

    def create_video_from_bucket(self, source_key: str, **options: Unpack[VideoOptions]) -> AcceptedVideo:
        """Mask a video that is in the service's bucket already."""
        query, body = _given(options), {"source_key": source_key}
        response = self._transport.send(
            lambda: self._transport.http.post(VIDEOS, params=query, json=body), is_repeatable=False
        )
        return responses.decode(AcceptedVideo, response)

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
