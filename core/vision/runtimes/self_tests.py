"""Compare a faster version of a network with the original on the built-in photographs, before it is trusted."""

import itertools
import time
from collections.abc import Sequence

import numpy as np

from core.vision import boxes
from core.vision.candidates import Candidates
from core.vision.passes import Pixels, Runner, View
from core.vision.runtimes import samples

# The views that are compared: faces of 20 to 400 pixels on the input.
VIEWS = (View("main", 640), View("half", 320), View("mirror", 640, mirrored=True))
SURE_SCORE, LEAST_SCORE, NMS_IOU = 0.5, 0.3, 0.4
# chosen: what rounding to 8 bits moves is a tenth of it; wrong scales and saturated sums move far more
MIN_IOU, MAX_SCORE_OFF = 0.85, 0.05
RUNS = 5  # of each, in turn; the fastest counts
TIMED = (View("timed", 448),)
# Pictures come in many shapes, and what is fast over one of them may lose that at each change to another.
TIMED_SHAPES = tuple(
    View("timed", size, area=(0, 0, width, height))
    for (width, height), size in itertools.product(
        ((640, 480), (480, 640), (640, 427), (427, 640), (640, 360), (640, 640)), (640, 192)
    )
)


def difference(original: Runner, faster: Runner) -> str:
    """Return in which way the faces of the faster network differ from the original's; '' if they agree."""
    for pixels in (samples.group(), *samples.portraits()):
        for view in VIEWS:
            problem = _difference(_faces(original, pixels, view), _faces(faster, pixels, view))
            if problem:
                return problem
    return ""


def slowness(original: Runner, faster: Runner, views: Sequence[View] = TIMED, worthwhile: float = 1) -> str:
    """Return how long the faster network takes over some views; '' if under `worthwhile` times the original's time."""
    pixels = samples.group()
    took: dict[str, list[float]] = {"original": [], "faster": []}
    for _ in range(RUNS):
        for name, runner in (("original", original), ("faster", faster)):
            # CPU time, because other processes may be starting at the same time.
            started = time.process_time()
            for view in views:
                runner.infer(pixels, view, SURE_SCORE)
            took[name].append(time.process_time() - started)
    ratio = min(took["faster"]) / min(took["original"])
    return f"it takes {ratio:.2f} times as long" if ratio >= worthwhile else ""


def _faces(runner: Runner, pixels: Pixels, view: View) -> Candidates:
    return runner.infer(pixels, view, LEAST_SCORE).candidates.distinct(NMS_IOU)


def _difference(original: Candidates, faster: Candidates) -> str:
    for one, other, missing in ((original, faster, "is missing"), (faster, original, "is new")):
        for face in np.flatnonzero(one.scores >= SURE_SCORE):
            overlaps = boxes.iou(one.boxes[face], other.boxes)
            if not len(overlaps) or overlaps.max() < MIN_IOU:
                return f"a face with a score of {one.scores[face]:.2f} {missing}"
            off = abs(float(other.scores[overlaps.argmax()]) - float(one.scores[face]))
            if not off <= MAX_SCORE_OFF:  # NaN as well
                return f"the score of a face is off by {off:.2f}"
    return ""
