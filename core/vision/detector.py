"""Find the faces of a picture: one pass at the network's size, and a small one for faces that fill the frame."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from core import cpus
from core.config import Settings
from core.results import DetectOptions, Found, Timings
from core.vision import centerface, scrfd, weights
from core.vision.candidates import Candidates
from core.vision.sessions import Network

Pixels = NDArray[np.uint8]

CELL = 32  # the coarsest stride: every input is a multiple of it
# measured: at 640 a face that fills over 85 % of the frame is never found, at 192 it is, for a tenth of the work
CLOSE_UP_SIZE = 192
# chosen: below this share of the frame the main pass finds faces better and places them more exactly
CLOSE_UP_LEAST = 0.4


class Detector(Protocol):
    """Whatever finds faces."""

    name: str
    input_size: int
    supports_landmarks: bool

    def find(self, pixels: Pixels, options: DetectOptions) -> Found:
        """Find the faces of an upright BGR picture, (height, width, 3), sorted by falling confidence."""


class Family(Protocol):
    """A model family's contract: how its input is made and its outputs are read."""

    def blob(self, canvas: Pixels) -> NDArray[np.float32]: ...
    def decode(self, outputs: Sequence[NDArray[np.float32]], width: int, least: float) -> Candidates: ...
    def has_landmarks(self, outputs: int) -> bool: ...


FAMILIES: dict[str, Family] = {"scrfd": scrfd, "centerface": centerface}


@dataclass(frozen=True)
class Pass:
    """One run of the network. size: (width, height) of its input."""

    candidates: Candidates
    size: tuple[int, int]
    timings: Timings


class OnnxDetector:
    """The detector of a model file."""

    def __init__(self, name: str, network: Network, family: Family, input_size: int) -> None:
        self.name = name
        self.input_size = input_size
        self.supports_landmarks = family.has_landmarks(network.outputs)
        self._network = network
        self._family = family

    def find(self, pixels: Pixels, options: DetectOptions) -> Found:
        """Run both passes and merge them."""
        height, width = pixels.shape[:2]
        main = self._run(pixels, self.input_size, options.confidence)
        close_up = self._run(pixels, CLOSE_UP_SIZE, options.confidence)
        started = time.perf_counter()
        large = close_up.candidates.take(_share(close_up.candidates, width, height) >= CLOSE_UP_LEAST)
        both = main.candidates.joined(large)
        distinct = both.clipped(width, height).distinct(options.nms_threshold)
        kept = distinct.take(np.arange(min(len(distinct), options.max_faces or len(distinct))))
        nms_ms = _since(started)
        return Found(
            faces=kept.faces(),
            timings=_total(main.timings, close_up.timings, nms_ms),
            candidates_before_nms=len(both),
            candidates_after_nms=len(distinct),
            det_scale=_scale(width, height, self.input_size),
            input_size=main.size,
        )

    def _run(self, pixels: Pixels, size: int, least: float) -> Pass:
        height, width = pixels.shape[:2]
        marks = [time.perf_counter()]
        canvas, (inner_width, inner_height) = letterbox(pixels, size)
        marks.append(time.perf_counter())
        blob = self._family.blob(canvas)
        marks.append(time.perf_counter())
        outputs = self._network.run(blob)
        marks.append(time.perf_counter())
        found = self._family.decode(outputs, canvas.shape[1], least)
        in_picture = found.scaled(width / inner_width, height / inner_height)
        marks.append(time.perf_counter())
        steps = [(after - before) * 1000 for before, after in itertools.pairwise(marks)]
        timings = Timings(preprocess_ms=steps[0], blob_ms=steps[1], inference_ms=steps[2], postprocess_ms=steps[3])
        return Pass(in_picture, (canvas.shape[1], canvas.shape[0]), timings)


def letterbox(pixels: Pixels, size: int) -> tuple[Pixels, tuple[int, int]]:
    """Fit a picture into a square of `size`, at the top left of the smallest black canvas of whole cells.

    Returns the canvas and the (width, height) that the picture takes on it.
    """
    height, width = pixels.shape[:2]
    scale = _scale(width, height, size)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    canvas = np.zeros((_whole_cells(inner[1]), _whole_cells(inner[0]), 3), np.uint8)
    canvas[: inner[1], : inner[0]] = cv2.resize(pixels, inner, interpolation=cv2.INTER_LINEAR)
    return canvas, inner


def load(settings: Settings) -> OnnxDetector:
    """Load the model that the settings name; a WeightsError says what is missing."""
    entry, path = weights.located(settings)
    network = Network(path, threads(settings), symbolic=entry.family == "centerface")
    return OnnxDetector(entry.name, network, FAMILIES[entry.family], settings.input_size)


def threads(settings: Settings) -> int:
    """Share the CPUs out among the processes of the worker."""
    processes = settings.worker_processes or cpus.available()
    return settings.inference_threads or max(1, cpus.available() // processes)


def _scale(width: int, height: int, size: int) -> float:
    return min(size / width, size / height)


def _whole_cells(length: int) -> int:
    return -(-length // CELL) * CELL


def _share(found: Candidates, width: int, height: int) -> NDArray[np.float32]:
    """How much of the frame each box takes, along the side where it takes more."""
    sides = (found.boxes[:, 2:] - found.boxes[:, :2]) / np.array([width, height], np.float32)
    return np.asarray(sides.max(axis=1, initial=0), np.float32)


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _total(main: Timings, close_up: Timings, nms_ms: float) -> Timings:
    steps = ("preprocess_ms", "blob_ms", "inference_ms", "postprocess_ms")
    sums = {step: getattr(main, step) + getattr(close_up, step) for step in steps}
    return Timings(**sums, nms_ms=nms_ms)
