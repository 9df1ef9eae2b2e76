"""Find the faces of a picture: the passes that its search plans, fused into one answer."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Protocol

import numpy as np

from core.config import Settings
from core.contract.options import ResolvedDetectOptions
from core.contract.reports import Detections, Face, Timings
from core.system import cpus
from core.vision import fusion, mosaics, passes
from core.vision.candidates import Candidates
from core.vision.doubts import DoubtLimits
from core.vision.passes import PassResult, Pixels, Runner, View
from core.vision.regions import Region
from core.vision.runtimes import models
from core.vision.runtimes.networks import IdleCpus, no_idle_cpus
from core.vision.searches import Search
from core.weights.versions import ModelVersion, Precision

INT8_WORK = 0.33  # of a run in fp32; measured: scrfd_2.5g on a CPU with VNNI, .27 to .31


@dataclass(frozen=True)
class Surroundings:
    """Where faces are looked for again, and how: in and around regions, also faces that lie if `any_orientation`."""

    regions: tuple[Region, ...]
    options: ResolvedDetectOptions
    any_orientation: bool = False


class Detector(Protocol):
    """Finds faces in pixels. precision, runtime: of the network's arithmetic, and what runs it."""

    name: str
    precision: Precision
    runtime: str
    input_size: int
    supports_landmarks: bool
    doubt_limits: DoubtLimits

    def find(self, pixels: Pixels, options: ResolvedDetectOptions, *, upright: bool = False) -> Detections:
        """Find the faces of an upright BGR picture, (height, width, 3), sorted by falling confidence.

        upright: whether a picture without a sure face is not searched for faces that lie or are upside down.
        """

    def find_around(self, pixels: Pixels, surroundings: Surroundings) -> tuple[Face, ...]:
        """Find the faces in and around regions of it, as closely as `find` has searched the picture."""


class OnnxDetector:
    """The detector of a model file."""

    def __init__(self, version: ModelVersion, runner: Runner, input_size: int) -> None:
        entry = version.entry
        self.name = entry.name
        self.precision = version.precision
        self.runtime = runner.network.runtime
        self.input_size = input_size
        self.supports_landmarks = runner.has_landmarks
        self.doubt_limits = DoubtLimits(entry.doubt_sides, entry.doubt_few, entry.doubt_crowd)
        self.runner = runner
        self._entry = version.entry

    def find(self, pixels: Pixels, options: ResolvedDetectOptions, *, upright: bool = False) -> Detections:
        """Search the picture as closely as `options.detail` says; scores do not depend on `options.confidence`."""
        height, width = pixels.shape[:2]
        search = self._search(options, upright)
        run_pass = partial(self.runner.infer, pixels, min_score=fusion.min_score(options.confidence))
        results = search.run(run_pass, width, height)
        started = time.perf_counter()
        fused = fusion.fuse(results, width, height, options.nms_threshold)
        distinct = fused.take(fused.scores >= options.confidence)
        limited = 0 < options.max_faces < len(distinct)
        selected = distinct.take(np.arange(options.max_faces)) if limited else distinct
        return Detections(
            faces=selected.faces(),
            timings=_total(results, (time.perf_counter() - started) * 1000),
            candidates_before_nms=sum(len(result.candidates) for result in results),
            candidates_after_nms=len(distinct),
            det_scale=passes.scale(width, height, self.input_size),
            input_size=results[0].report.input_size,
            smallest_face_px=search.smallest_face(width, height),
            passes=tuple(result.report for result in results),
        )

    def _search(self, options: ResolvedDetectOptions, upright: bool = False) -> Search:
        gflops = self._entry.gflops * (INT8_WORK if self.precision == "int8" else 1)
        everywhere = not self.runner.network.any_shape
        return Search(options.detail, self.input_size, gflops, self._entry.min_face, upright, everywhere)

    def find_around(self, pixels: Pixels, surroundings: Surroundings) -> tuple[Face, ...]:
        """Search mosaics of the regions, as finely as the search of `options.detail`, and rotated if it is."""
        height, width = pixels.shape[:2]
        options = surroundings.options
        search = self._search(options)
        found: list[Candidates] = []
        for mosaic in mosaics.plan(surroundings.regions, (width, height), search.finest_scale(width, height)):
            canvas = mosaic.compose(pixels)
            for rot90 in range(4) if surroundings.any_orientation else search.orientations:
                view = View("around_masks", max(canvas.shape), rot90=rot90)
                result = self.runner.infer(canvas, view, options.confidence)
                found.append(mosaic.to_picture(result.candidates))
        if not found:
            return ()
        return reduce(Candidates.joined, found).distinct(options.nms_threshold).faces()


def load(version: ModelVersion, settings: Settings, idle_cpus: IdleCpus = no_idle_cpus) -> OnnxDetector:
    """Load a version of a model. idle_cpus: what a run may use beside its own threads, unless these are set."""
    spare = no_idle_cpus if settings.inference_threads else idle_cpus
    return OnnxDetector(version, models.load(version, threads(settings), spare), settings.input_size)


def threads(settings: Settings) -> int:
    """Share the CPUs out among the processes of the worker."""
    processes = settings.worker_processes or cpus.available()
    return settings.inference_threads or max(1, cpus.available() // processes)


def _total(results: Sequence[PassResult], nms_ms: float) -> Timings:
    steps = ("preprocess_ms", "blob_ms", "inference_ms", "postprocess_ms")
    sums = {step: sum(getattr(result.timings, step) for result in results) for step in steps}
    return Timings(**sums, nms_ms=nms_ms)
