"""Weighted box fusion of many passes: which boxes are the same face, where it is, and how sure that is."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.contract.reports import Face
from core.vision import boxes
from core.vision.boxes import Boxes
from core.vision.candidates import Candidates
from core.vision.passes import PassResult

Limits = NDArray[np.float32]

# Candidates below it are ignored; fixed, so that a face's score does not depend on the caller's threshold.
MIN_EVIDENCE = 0.05
# chosen: two passes see the same face when their boxes overlap at least this much
SAME_FACE_IOU = 0.45
# measured: of 0.2 to 0.5 what gives the best AP; all of it would count mistakes that passes make together as faces
NOISY_OR_WEIGHT = 0.4
# Of the other passes that show a face, so many count, the surest. measured, scrfd_2.5g: where more do, collages of 24
# megapixels, which have seven passes, show a sixth more that is none; photographs of a megapixel show the same
OTHERS = 3
# measured: in pixels of the input; a pass sees only parts of a face that is larger
MAX_WHOLE_FACE = 300
# chosen: what lies inside a face by this share, and with its centre in the middle of it, is a part of it. One that is
# nearer to a corner can be somebody behind.
PART_CONTAINMENT, PART_OFFSET = 0.75, 0.7
SURE_SCORE = 0.5
# What the scores of all boxes of a doubtful face add up to, by its longer side in pixels of the input. measured
# (scrfd_2.5g, WIDER FACE, fast and balanced): midway between those that are faces and those that are none
COMMON_SUPPORT = (6, 10, 16, 24, 64), (0.35, 0.75, 2.0, 2.6, 4.6)
# chosen: a rotated pass counts where the upright ones score less than half as much, if anything
TOUCHING_IOU, RIVAL_SHARE = 0.2, 0.5


def min_score(confidence: float) -> float:
    """Return the least score of candidates to read for a caller's least confidence."""
    return min(MIN_EVIDENCE, confidence)


@dataclass(frozen=True)
class FusedCandidates:
    """The fused candidates of some passes. limits: the longest side, in pixels of the picture, of a face that the pass
    behind each candidate sees as a whole."""

    faces: Candidates
    limits: Limits


def fuse(results: Sequence[PassResult], width: int, height: int, nms_threshold: float) -> Candidates:
    """Merge the results of the passes over a picture of width x height into distinct faces, by falling score."""
    clipped = [replace(result, candidates=result.candidates.clipped(width, height)) for result in results]
    rot90 = Counter(result.view.rot90 for result in results).most_common(1)[0][0]
    upright = _fuse_passes([result for result in clipped if result.view.rot90 == rot90], nms_threshold)
    others = [result for result in clipped if result.view.rot90 != rot90]
    both = _with_rotated(upright, _fuse_passes(others, nms_threshold)) if others else upright
    # Clipped again: the mean of two edges at a border can be off it by a rounding.
    return _suppress_parts(both).clipped(width, height).distinct(nms_threshold)


def _fuse_passes(results: Sequence[PassResult], nms_threshold: float) -> FusedCandidates:
    distinct = [_distinct(result, nms_threshold) for result in results]
    joined = distinct[0]
    for more in distinct[1:]:
        joined = joined.joined(more)
    origin = np.repeat(np.arange(len(distinct)), [len(one) for one in distinct])
    fused, seeds = _weighted_box_fusion(joined, origin)
    limits = np.array([MAX_WHOLE_FACE / result.scale for result in results], np.float32)
    return FusedCandidates(fused, limits[origin[seeds]])


def _distinct(result: PassResult, nms_threshold: float) -> Candidates:
    if not len(result.candidates):
        return replace(result.candidates, support=result.candidates.scores)
    on_input = boxes.longer_sides(result.candidates.boxes) * result.scale
    common = np.interp(on_input, *COMMON_SUPPORT).astype(np.float32)
    return result.candidates.supported(nms_threshold, MIN_EVIDENCE, common)


def _with_rotated(upright: FusedCandidates, rotated: FusedCandidates) -> FusedCandidates:
    """Add the faces that rotated passes find where the upright ones find little, such as those of people who lie.

    Of a face that is upright a rotated pass gives a box that is off.
    """
    faces = upright.faces.joined(rotated.faces)
    count = len(upright.faces)
    neighbours, scores = boxes.Neighbours(faces.boxes, TOUCHING_IOU), faces.scores.tolist()
    added = [
        index
        for index in range(count, len(faces))
        if max((scores[n] for n in neighbours.of(index) if n < count), default=0) < RIVAL_SHARE * scores[index]
    ]
    kept = np.append(np.arange(count), np.array(added, np.intp))
    return FusedCandidates(faces.take(kept), np.append(upright.limits, rotated.limits)[kept])


def _weighted_box_fusion(candidates: Candidates, origin: boxes.Regions) -> tuple[Candidates, boxes.Regions]:
    """Fuse the boxes of one face in several passes; return them, and the best candidate's index of each.

    origin: the number of each candidate's pass.
    """
    neighbours = boxes.Neighbours(candidates.boxes, SAME_FACE_IOU)
    means, scores = candidates.boxes.copy(), candidates.scores.copy()
    support = np.ones_like(scores) if candidates.support is None else candidates.support.copy()
    order = np.argsort(-scores, kind="stable")
    # Most boxes overlap no other, and need no turn of a loop.
    seeds = neighbours.counts == 0
    # Plain values: arrays of the few boxes of one face would take longer to make than to compute with.
    remaining, sure = bytearray(b"\1") * len(scores), (scores >= MIN_EVIDENCE).tolist()
    corners, values, passes = means.tolist(), scores.tolist(), origin.tolist()
    for seed in order[~seeds[order]].tolist():
        if not remaining[seed]:
            continue
        seeds[seed], remaining[seed] = True, False
        others = [n for n in neighbours.of(seed) if remaining[n] and sure[n] and passes[n] != passes[seed]]
        if others:
            for n in others:
                remaining[n] = False
            means[seed] = _mean_box([(corners[n], values[n]) for n in (*others, seed)])
            scores[seed] = _noisy_or(values[seed], [(passes[n], values[n]) for n in others])
            support[seed] = support[[seed, *others]].max()
    best = order[seeds[order]]
    return Candidates(means, scores, candidates.landmarks, support).take(best), best


def _mean_box(members: list[tuple[list[float], float]]) -> list[float]:
    """Return the mean of boxes with their scores, the surer ones counting for more."""
    total = sum(score**2 for _, score in members)
    return [sum(box[edge] * score**2 for box, score in members) / total for edge in range(4)]


def _noisy_or(best: float, others: list[tuple[int, float]]) -> float:
    """Combine the scores of the passes that found a face: never less than the best of them, never above 1.

    others: the numbers of passes, and the scores of boxes that they found.
    """
    surest = [max(score for number, score in others if number == each) for each in {number for number, _ in others}]
    miss = 1 - best
    for score in sorted(surest, reverse=True)[:OTHERS]:
        miss *= 1 - NOISY_OR_WEIGHT * score
    return 1 - miss


def _suppress_parts(merged: FusedCandidates) -> Candidates:
    """Drop parts of faces, which keep the better score of the two."""
    candidates, limits = merged.faces, merged.limits
    sides = boxes.longer_sides(candidates.boxes)
    scores, kept = candidates.scores.copy(), np.ones(len(candidates), bool)
    faces = np.flatnonzero((scores >= SURE_SCORE) & (sides > limits.min(initial=np.inf)))
    for face in faces[np.argsort(-sides[faces])]:
        inside = _within(candidates.boxes[face], candidates.boxes)
        parts = kept & (limits < sides[face]) & (sides < sides[face]) & inside
        if kept[face] and parts.any():
            scores[face] = max(scores[face], scores[parts].max())
            kept &= ~parts
    return replace(candidates, scores=scores).take(kept)


def _within(box: Boxes, others: Boxes) -> NDArray[np.bool_]:
    """Return which of the others, (n, 4), lie in the middle of a box, (4,)."""
    off = (others[:, :2] + others[:, 2:] - box[:2] - box[2:]) / (box[2:] - box[:2])
    near = np.hypot(off[:, 0], off[:, 1]) <= PART_OFFSET
    return np.asarray(near & (boxes.containment(box, others) >= PART_CONTAINMENT))


def distinct_faces(faces: Sequence[Face], nms_threshold: float) -> tuple[Face, ...]:
    """Keep the most confident of each cluster of overlapping faces, sorted by falling confidence."""
    found = np.array([face.box for face in faces], np.float32).reshape(-1, 4)
    kept = boxes.nms(found, np.array([face.confidence for face in faces], np.float32), nms_threshold)
    return tuple(faces[index] for index in kept)
