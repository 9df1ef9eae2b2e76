"""One answer from many passes: which boxes are the same face, where it is, and how sure that is."""

from collections.abc import Sequence

import numpy as np

from core.vision import boxes
from core.vision.boxes import Boxes, Scores
from core.vision.candidates import Candidates
from core.vision.passes import Points, Sighting

# Candidates below it are no evidence; fixed, so that a face's score does not depend on what the caller asks for.
FLOOR = 0.05
# chosen: two passes see the same face when their boxes overlap at least this much
SAME = 0.45
# measured: of 0.2 to 0.5 what gives the best AP; all of it would count mistakes that passes make together as faces
SECOND_OPINION = 0.4
# measured: in pixels of the input; a pass sees only parts of a face that is larger
TOO_LARGE = 300
# chosen: what lies inside a face by this share, and with its centre in the middle of it, is a part of it. One that is
# nearer to a corner can be somebody behind.
INSIDE, MIDDLE = 0.75, 0.7
SURE = 0.5


def floor(confidence: float) -> float:
    """Return the least score of candidates to read for a caller's least confidence."""
    return min(FLOOR, confidence)


def fuse(sightings: Sequence[Sighting], width: int, height: int, nms_threshold: float) -> Candidates:
    """Merge what the passes saw in a picture of width x height into distinct faces, by falling score."""
    distinct = [seen.candidates.clipped(width, height).distinct(nms_threshold) for seen in sightings]
    every = distinct[0]
    for more in distinct[1:]:
        every = every.joined(more)
    origin = np.repeat(np.arange(len(distinct)), [len(one) for one in distinct])
    agreed, seeds = _agreed(every, origin)
    limits = np.array([TOO_LARGE / seen.scale for seen in sightings], np.float32)[origin[seeds]]
    # Clipped again: the mean of two edges at a border can be off it by a rounding.
    return _whole(agreed, limits).clipped(width, height).distinct(nms_threshold)


def _agreed(every: Candidates, origin: boxes.Regions) -> tuple[Candidates, boxes.Regions]:
    """Let the boxes of one face in several passes become one; return them, and the best candidate's index of each.

    origin: the number of each candidate's pass.
    """
    neighbours = boxes.Neighbours(every.boxes, SAME)
    waiting, sure = np.ones(len(every), bool), every.scores >= FLOOR
    places, scores = every.boxes.copy(), every.scores.copy()
    seeds = []
    for seed in np.argsort(-every.scores, kind="stable").tolist():
        if not waiting[seed]:
            continue
        seeds.append(seed)
        others = neighbours.of(seed)
        others = others[waiting[others] & sure[others] & (origin[others] != origin[seed])]
        if len(others):
            waiting[others] = False
            members = np.append(others, seed)
            places[seed] = _place(every.boxes[members], every.scores[members])
            scores[seed] = _score(float(every.scores[seed]), every.scores[others], origin[others])
        waiting[seed] = False
    best = np.array(seeds, np.intp)
    return Candidates(places, scores, every.landmarks).take(best), best


def _place(found: Boxes, scores: Scores) -> Boxes:
    """Return the mean box, the surer ones counting for more; shape (4,)."""
    mean = np.average(found.astype(np.float64), axis=0, weights=scores.astype(np.float64) ** 2)
    return np.asarray(mean, np.float32)


def _score(best: float, others: Scores, passes: boxes.Regions) -> float:
    """Combine the scores of the passes that saw a face: never less than the best of them, never above 1."""
    doubt = 1 - best
    for each in np.unique(passes):
        doubt *= 1 - SECOND_OPINION * float(others[passes == each].max())
    return 1 - doubt


def _whole(found: Candidates, limits: Points) -> Candidates:
    """Drop parts of faces, which keep the better score of the two.

    limits: the longest side, in pixels of the picture, of a face that the pass behind each candidate sees as a whole.
    """
    sides = (found.boxes[:, 2:] - found.boxes[:, :2]).max(axis=1, initial=0)
    scores, kept = found.scores.copy(), np.ones(len(found), bool)
    faces = np.flatnonzero((scores >= SURE) & (sides > limits.min(initial=np.inf)))
    for face in faces[np.argsort(-sides[faces])]:
        parts = kept & (limits < sides[face]) & (sides < sides[face]) & _within(found.boxes[face], found.boxes)
        if kept[face] and parts.any():
            scores[face] = max(scores[face], scores[parts].max())
            kept &= ~parts
    return Candidates(found.boxes, scores, found.landmarks).take(kept)


def _within(box: Boxes, others: Boxes) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Tell which of the others, (n, 4), lie in the middle of a box, (4,)."""
    off = (others[:, :2] + others[:, 2:] - box[:2] - box[2:]) / (box[2:] - box[:2])
    near = np.hypot(off[:, 0], off[:, 1]) <= MIDDLE
    return np.asarray(near & (boxes.covered(box, others) >= INSIDE))
