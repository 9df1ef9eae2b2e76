"""What linking a video keeps in memory: so many bytes a face, however long it is, and never more than a limit."""

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from core.errors import VideoTooLarge
from core.video.tracking import faces, smoothing, tracks
from core.video.tracking.faces import FoundFaces, FrameFaces
from tests.core.video.drawn import FPS, SIZE, found, steady

CROWD = 50
# For each face of each frame: 21 as found, 4 in its chain, 25 in its track.
BYTES = 50
SEGMENT = 50


def crowd(frames: int) -> Iterator[FrameFaces]:
    """A grid of faces that hardly move, each found in every frame."""
    columns, rows = np.meshgrid(np.arange(10) * 90, np.arange(CROWD // 10) * 60)
    corners = np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float32)
    for frame in range(frames):
        boxes = np.hstack([corners, corners + 40]) + frame % 3
        yield FrameFaces(frame, frame / FPS, boxes, np.full(CROWD, 0.9, np.float32), np.ones(CROWD, bool))


def peak(frames: int) -> int:
    """Link a crowd as a worker does, segment by segment; return the most bytes that were held at once."""
    tracemalloc.start()
    every = FoundFaces.of(crowd(frames))
    linked = tracks.link(every, (), *SIZE)
    assert len(linked) == CROWD
    for _ in tracks.lines(linked, every):
        pass
    for start in range(0, frames, SEGMENT):
        assert len(smoothing.regions(linked, range(start, start + SEGMENT))[0]) == CROWD
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return held


def test_linking_holds_so_many_bytes_a_face() -> None:
    peak(SEGMENT)  # what is made once is there
    short, long = peak(300), peak(900)
    assert (long - short) / (600 * CROWD) < 1.2 * BYTES


def test_more_faces_than_memory_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces, "MAX_BOXES", 99)
    assert len(FoundFaces.of(found([steady(100, 200)], 99))) == 99
    with pytest.raises(VideoTooLarge):
        FoundFaces.of(found([steady(100, 200)], 100))


def test_more_boxes_of_tracks_than_memory_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A face that is seen once is masked for a while before and after."""
    seen_once = found([lambda frame: steady(100, 200)(frame) if frame == 50 else None], 100)
    monkeypatch.setattr(faces, "MAX_BOXES", 10)
    with pytest.raises(VideoTooLarge):
        tracks.link(seen_once, (), *SIZE)
