"""One answer from many passes: which boxes are the same face, where it is, and how sure that is."""

from collections.abc import Sequence

import numpy as np

from core.vision import boxes
from core.vision.boxes import Boxes, Scores
from core.vision.candidates import Candidates
from core.vision.passes import Sighting

# Candidates below it are no evidence; fixed, so that a face's score does not depend on what the caller asks for.
FLOOR = 0.05
# chosen: two passes see the same face when their boxes overlap at least this much
SAME = 0.45
# measured: how much of a second pass's score counts, for passes make the same mistakes now and then
SECOND_OPINION = 0.4


def floor(confidence: float) -> float:
    """Return the least score of candidates to read for a caller's least confidence."""
    return min(FLOOR, confidence)


def fuse(sightings: Sequence[Sighting], width: int, height: int, nms_threshold: float) -> Candidates:
    """Merge what the passes saw in a picture into distinct faces, by falling score."""
    distinct = [seen.candidates.clipped(width, height).distinct(nms_threshold) for seen in sightings]
    every = distinct[0]
    for more in distinct[1:]:
        every = every.joined(more)
    origin = np.repeat(np.arange(len(distinct)), [len(one) for one in distinct])
    # Clipped again: the mean of two edges at a border can be off it by a rounding.
    return _agreed(every, origin).clipped(width, height).distinct(nms_threshold)


def _agreed(every: Candidates, origin: boxes.Regions) -> Candidates:
    """Let the boxes of one face in several passes become one. origin: the number of each candidate's pass."""
    waiting = np.ones(len(every), bool)
    seeds, places, scores = [], [], []
    for seed in np.argsort(-every.scores, kind="stable"):
        if not waiting[seed]:
            continue
        others = waiting & (origin != origin[seed]) & (every.scores >= FLOOR)
        others[others] = boxes.iou(every.boxes[seed], every.boxes[others]) > SAME
        waiting[others] = waiting[seed] = False
        members = np.append(np.flatnonzero(others), seed)
        seeds.append(seed)
        places.append(_place(every.boxes[members], every.scores[members]))
        scores.append(_score(every.scores[seed], every.scores[others], origin[others]))
    kept = every.take(np.array(seeds, np.intp))
    return Candidates(np.array(places, np.float32).reshape(-1, 4), np.array(scores, np.float32), kept.landmarks)


def _place(found: Boxes, scores: Scores) -> Boxes:
    """Return the mean box, the surer ones counting for more; shape (4,)."""
    return np.asarray(np.average(found, axis=0, weights=scores**2), np.float32)


def _score(best: float, others: Scores, passes: boxes.Regions) -> float:
    """Combine the scores of the passes that saw a face: never less than the best of them, never above 1."""
    doubt = 1 - best
    for each in np.unique(passes):
        doubt *= 1 - SECOND_OPINION * others[passes == each].max()
    return float(1 - doubt)
