"""Faces that move over drawn frames, without pixels: what a search would find of them."""

from collections.abc import Callable, Sequence

import numpy as np

from core.video.tracking.faces import FrameFaces

FPS = 25
SIZE = (1280, 720)

Box = tuple[float, float, float, float]
# The box of a face in a frame, None where it is not found.
Path = Callable[[int], Box | None]


def steady(x: float, y: float, side: float = 80, speed: tuple[float, float] = (0, 0)) -> Path:
    """Return a face that moves by `speed` pixels a frame."""

    def at(frame: int) -> Box:
        left, top = x + speed[0] * frame, y + speed[1] * frame
        return left, top, left + side, top + side

    return at


def hidden(path: Path, frames: range) -> Path:
    """Return the same face, hidden in some frames."""
    return lambda frame: None if frame in frames else path(frame)


def found(
    paths: Sequence[Path], count: int, score: float = 0.9, sure: float = 0.5, least: float = 0.4
) -> list[FrameFaces]:
    """Return what a search finds of faces, of which a mask covers those from a score of `least`."""
    return [
        frame_faces(number, [box for path in paths if (box := path(number))], score, (sure, least))
        for number in range(count)
    ]


def frame_faces(
    number: int, boxes: Sequence[Box], score: float = 0.9, limits: tuple[float, float] = (0.5, 0.4)
) -> FrameFaces:
    """Return one frame's faces, all of one score."""
    scores = np.full(len(boxes), score, np.float32)
    found = np.array(boxes, np.float32).reshape(-1, 4)
    return FrameFaces(number, number / FPS, found, scores, scores >= limits[0], scores >= limits[1])
