"""Passes: one run of the network over one view of a picture, its answer in the picture's own coordinates."""

import itertools
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from core.contract.reports import PassReport, Timings
from core.vision import boxes
from core.vision.boxes import Boxes
from core.vision.candidates import Candidates
from core.vision.runtimes.networks import CELL, Blob, Network

Pixels = NDArray[np.uint8]
Points = NDArray[np.float32]

CUT_MARGIN = 2  # chosen: a box that ends so many pixels of the input from an edge is cut off there
# Left and right change places in a mirror; the nose stays.
MIRRORED_LANDMARKS = (1, 0, 2, 4, 3)
TURNS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}
# chosen: a blob of 24 MB, which holds the passes of a balanced search over 1 to 2 megapixels
MAX_KEPT_PIXELS = 2_000_000


class ModelFamily(Protocol):
    """A model family's contract: how its input is made, in `out` if that is given, and its outputs are read.

    The input is (value - MEAN) * SCALE of each channel, red first.
    """

    MEAN: float
    SCALE: float

    def blob(self, canvas: Pixels, out: Blob | None = None) -> Blob: ...
    def decode(self, outputs: Sequence[NDArray[np.float32]], width: int, min_score: float) -> Candidates: ...
    def has_landmarks(self, outputs: int) -> bool: ...


@dataclass(frozen=True)
class View:
    """What a pass covers, and at what scale.

    size: the longer side on the network's input, in pixels; area: left, top, right, bottom in the picture, None for
    all of it; rot90: quarter turns against the clock; mirrored: left and right, after it is rotated; size_range: from
    and up to which longer side, in pixels of the input, a box counts; own: in the picture, where the centres of boxes
    lie that count, None for everywhere.
    """

    name: str
    size: int
    area: tuple[int, int, int, int] | None = None
    rot90: int = 0
    mirrored: bool = False
    size_range: tuple[float, float] = (0, math.inf)
    own: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class PassResult:
    """What one pass found. candidates: in pixels of the picture; scale: pixels of the input for one of the picture."""

    view: View
    candidates: Candidates
    scale: float
    timings: Timings
    report: PassReport


class BlobMemory(threading.local):
    """Memory for the blobs of a thread, one after the other: to fill it costs less than to have it mapped and cleared.

    measured: a tenth of a balanced mask's time, with 1,000 x 750 pixels
    """

    def __init__(self) -> None:
        self._kept = np.empty(0, np.float32)

    def blob(self, width: int, height: int) -> Blob:
        """Return a blob of any content, (1, 3, height, width), until the next one is asked for."""
        size = 3 * width * height
        if width * height > MAX_KEPT_PIXELS:
            return np.empty((1, 3, height, width), np.float32)
        if size > len(self._kept):
            self._kept = np.empty(size, np.float32)
        return self._kept[:size].reshape(1, 3, height, width)


class Runner:
    """A network with its family: runs passes."""

    def __init__(self, network: Network, family: ModelFamily) -> None:
        self.network = network
        self.family = family
        self.has_landmarks = family.has_landmarks(network.outputs)
        self._memory = BlobMemory()

    def infer(self, pixels: Pixels, view: View, min_score: float) -> PassResult:
        """Run one pass over an upright BGR picture; candidates with a score of at least `min_score` are read."""
        left, top, right, bottom = view.area or (0, 0, pixels.shape[1], pixels.shape[0])
        timestamps = [time.perf_counter()]
        canvas, inner = letterbox(pixels[top:bottom, left:right], view, self.network.cell)
        timestamps.append(time.perf_counter())
        blob = canvas[None] if self.network.takes_pixels else self._blob(canvas)
        timestamps.append(time.perf_counter())
        outputs = self.network.run(blob)
        timestamps.append(time.perf_counter())
        candidates = _within_size_range(self.family.decode(outputs, canvas.shape[1], min_score), view)
        upright = _undo_rot90(candidates, view, inner)
        factors = np.array([(right - left) / inner[0], (bottom - top) / inner[1]], np.float32)
        placed = upright.placed(factors, np.array([left, top], np.float32))
        in_picture = _own(_without_cut_off(placed, view, pixels.shape[1], pixels.shape[0]), view)
        timestamps.append(time.perf_counter())
        steps = [(after - before) * 1000 for before, after in itertools.pairwise(timestamps)]
        return PassResult(
            view=view,
            candidates=in_picture,
            scale=scale(right - left, bottom - top, view.size),
            timings=Timings(preprocess_ms=steps[0], blob_ms=steps[1], inference_ms=steps[2], postprocess_ms=steps[3]),
            report=PassReport(
                name=view.name,
                input_size=(canvas.shape[1], canvas.shape[0]),
                inference_ms=steps[2],
                candidates=len(in_picture),
            ),
        )

    def _blob(self, canvas: Pixels) -> Blob:
        return self.family.blob(canvas, self._memory.blob(canvas.shape[1], canvas.shape[0]))


def letterbox(pixels: Pixels, view: View, cell: int = CELL) -> tuple[Pixels, tuple[int, int]]:
    """Fit a picture into a square of the view's size, at the top left of the smallest black canvas of whole cells.

    Returns the canvas and the (width, height) that the picture takes on it before it is rotated.
    """
    height, width = pixels.shape[:2]
    factor = scale(width, height, view.size)
    inner = max(1, round(width * factor)), max(1, round(height * factor))
    taken = inner[::-1] if view.rot90 % 2 else inner
    canvas = np.empty((_up(taken[1], cell), _up(taken[0], cell), 3), np.uint8)
    canvas[taken[1] :] = 0
    canvas[: taken[1], taken[0] :] = 0
    place = canvas[: taken[1], : taken[0]]
    if not view.rot90 and not view.mirrored:
        cv2.resize(pixels, inner, place, interpolation=cv2.INTER_LINEAR)
        return canvas, inner
    small = cv2.resize(pixels, inner, interpolation=cv2.INTER_LINEAR)
    # Rotated first: mirrored before, a face that lies would end upside down.
    if view.rot90:
        small = cv2.rotate(small, TURNS[view.rot90], None if view.mirrored else place)
    if view.mirrored:
        cv2.flip(small, 1, place)
    return canvas, inner


def scale(width: int, height: int, size: float) -> float:
    """Return the factor that brings the longer side to `size`."""
    return min(size / width, size / height)


def _within_size_range(candidates: Candidates, view: View) -> Candidates:
    smallest, largest = view.size_range
    if (smallest, largest) == (0, math.inf):
        return candidates
    sides = boxes.longer_sides(candidates.boxes)
    return candidates.take((sides >= smallest) & (sides <= largest))


def _without_cut_off(candidates: Candidates, view: View, width: int, height: int) -> Candidates:
    """Drop what a tile's edge cuts through inside a picture of width x height: another tile shows all of it."""
    if view.area is None:
        return candidates
    left, top, right, bottom = view.area
    margin = CUT_MARGIN / scale(right - left, bottom - top, view.size)
    box = candidates.boxes
    whole = np.ones(len(candidates), bool)
    if left > 0:
        whole &= box[:, 0] > left + margin
    if top > 0:
        whole &= box[:, 1] > top + margin
    if right < width:
        whole &= box[:, 2] < right - margin
    if bottom < height:
        whole &= box[:, 3] < bottom - margin
    return candidates.take(whole)


def _own(candidates: Candidates, view: View) -> Candidates:
    """Keep what no other view of the same parts counts, too."""
    if view.own is None:
        return candidates
    centres = (candidates.boxes[:, :2] + candidates.boxes[:, 2:]) / 2
    own = np.array(view.own)
    return candidates.take(np.flatnonzero(((centres >= own[:2]) & (centres < own[2:])).all(axis=1)))


def _undo_rot90(candidates: Candidates, view: View, inner: tuple[int, int]) -> Candidates:
    """Bring candidates back from the canvas onto the resized picture. inner: its width, height."""
    if not view.rot90 and not view.mirrored:
        return candidates
    width, height = inner
    undo: Callable[[Points], Points] = {
        0: lambda at: at,
        1: lambda at: np.stack([width - at[..., 1], at[..., 0]], axis=-1),
        2: lambda at: np.stack([width - at[..., 0], height - at[..., 1]], axis=-1),
        3: lambda at: np.stack([at[..., 1], height - at[..., 0]], axis=-1),
    }[view.rot90]

    rotated_width = (width, height)[view.rot90 % 2]

    def to_upright(at: Points) -> Points:
        if view.mirrored:
            at = np.stack([rotated_width - at[..., 0], at[..., 1]], axis=-1)
        return undo(at)

    landmarks = candidates.landmarks
    if landmarks is not None:
        landmarks = to_upright(landmarks)[:, MIRRORED_LANDMARKS if view.mirrored else slice(None)]
    turned = _corners(to_upright(candidates.boxes.reshape(-1, 2, 2)))
    return replace(candidates, boxes=turned, landmarks=landmarks)


def _corners(points: Points) -> Boxes:
    """Make boxes of two opposite corners each, (n, 2, 2)."""
    return np.hstack([points.min(axis=1), points.max(axis=1)]).astype(np.float32)


def _up(length: int, cell: int) -> int:
    return -(-length // cell) * cell
