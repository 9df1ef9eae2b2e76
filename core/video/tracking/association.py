"""Which faces of successive frames are one: chains of boxes over a scene, by overlap and motion.

Faces are taken in stages as in ByteTrack (Zhang et al., ECCV 2022), the sure ones first, and matched by the overlap of
enlarged boxes as in C-BIoU (Yang et al., WACV 2023): from one frame to the next a small face may move by its own size.
"""

import bisect
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from core.video.tracking import overlaps
from core.video.tracking.faces import DOUBTFUL, SURE, WEAK, Found, Scene
from core.video.tracking.overlaps import Values
from core.vision.boxes import Boxes

# The least overlap of two enlarged boxes of one face. chosen: of equal size, a face is at most one side away from where
# it was expected, and a weak one two thirds of one
NEAR, CLOSE = 0.33, 0.5
MEMORY_S = 0.5  # chosen: how long a chain waits for its face; longer gaps are bridged when all chains are known
SMOOTHING = 0.5  # of the velocity; chosen: half of it is that of the last step
MAX_GAP_S = 2.0
# Across a gap: how far from where it is expected a face may appear, in its sides, and by how much more a second.
# chosen: a person who turns round or changes direction stays within it
REACH, REACH_PER_S = 1.0, 1.0
MAX_RESIZING = 2.0  # chosen: times as large or small a face may be after a gap
# How often a weak face has to be found, and how large it has to be in half of its sights, to count without a better
# one. measured, half of the pictures of tests/bench/video.py, with the following of core/video/tracking/filling.py:
# covered .984 without them, .994 with 8 sights, .996 with 3; needless masks a frame 5.0, 6.6 and 8.8; smaller faces
# cost as many again, and identify nobody
STEADY_SIGHTS, STEADY_SIDE = 8, 32
# Of a part of such a chain, where the face was not found for longer than MEMORY_S. measured, the same pictures, as they
# are searched now: covered .9947 without parts, .9975 with those of 4 sights, 1 with those of 3, which cost 0.7
# needless masks a frame
PART_SIGHTS = 3
RECENT_S = 0.25  # chosen: over which the velocity at the end of a chain is measured


@dataclass(slots=True)
class Chain:
    """The sights of one face. rows: of each in the scene, rising.

    box, time_s: the last; velocity: of its centre, pixels a second, (2,); rank: the best of all.
    """

    box: Values
    time_s: float
    rank: int
    rows: "array[int]" = field(default_factory=lambda: array("i"))
    velocity: Values = field(default_factory=lambda: np.zeros(2))

    @classmethod
    def started(cls, found: Found, index: int) -> Self:
        """Begin one with a face."""
        chain = cls(found.boxes[index].astype(np.float64), found.time_s, int(found.ranks[index]))
        chain.rows.append(found.first + index)
        return chain

    def add(self, found: Found, index: int) -> None:
        """Continue with a face of a later frame."""
        box = found.boxes[index].astype(np.float64)
        step = (centres(box) - centres(self.box)) / max(found.time_s - self.time_s, 1e-3)
        share = 1 if len(self.rows) == 1 else SMOOTHING
        self.velocity = share * step + (1 - share) * self.velocity
        self.box, self.time_s, self.rank = box, found.time_s, min(self.rank, int(found.ranks[index]))
        self.rows.append(found.first + index)

    def join(self, other: "Chain") -> None:
        """Continue with all of a later chain."""
        self.rows += other.rows
        self.box, self.time_s, self.rank = other.box, other.time_s, min(self.rank, other.rank)

    def expected(self, time_s: float) -> Values:
        """Return where its box is at a later time, if it moves on as it does."""
        return self.box + np.tile(self.velocity, 2) * (time_s - self.time_s)


def chains(scene: Scene, *, believe_weak: bool = True) -> list[Chain]:
    """Chain the faces of all frames of a scene, by first sight; every sure or doubtful face is in exactly one chain.

    The order of the faces in a frame does not matter. believe_weak: whether weak ones alone can be a chain, where one
    is found again and again, also beyond gaps.
    """
    live: list[Chain] = []
    believed: list[Chain] = []
    parts: list[Chain] = []

    def end(ended: Iterable[Chain]) -> None:
        for chain in ended:
            if chain.rank != WEAK or (believe_weak and _is_steady(chain, scene)):
                believed.append(chain)
            elif believe_weak and len(chain.rows) >= PART_SIGHTS:
                parts.append(chain)

    for found in scene.each():
        end(chain for chain in live if found.time_s - chain.time_s > MEMORY_S)
        live = [chain for chain in live if found.time_s - chain.time_s <= MEMORY_S]
        if len(found.ranks):
            live += _continued(live, found)
    end(live)
    together = [chain for chain in _bridged(parts, scene) if _is_steady(chain, scene)]
    return _bridged([*believed, *together], scene)


def _is_steady(chain: Chain, scene: Scene) -> bool:
    """Whether a face is found, however weakly, so often in one place that it is likely one."""
    if len(chain.rows) < STEADY_SIGHTS:
        return False
    boxes = scene.boxes[np.array(chain.rows)]
    return bool(np.median((boxes[:, 2:] - boxes[:, :2]).max(axis=1)) >= STEADY_SIDE)


def _continued(live: Sequence[Chain], found: Found) -> list[Chain]:
    """Continue the live chains with the faces of a frame; return new ones of the faces that are left."""
    sure, confirmed = found.ranks == SURE, np.array([chain.rank != WEAK for chain in live], bool)
    expected = np.array([chain.expected(found.time_s) for chain in live]).reshape(-1, 4)
    shares = overlaps.of(expected, found.boxes)
    free_chains, free_faces = np.ones(len(live), bool), np.ones(len(sure), bool)
    every = np.ones(len(live), bool)
    for which, faces, least in (
        (confirmed, sure, NEAR),
        (every, sure, NEAR),
        (confirmed, found.ranks == DOUBTFUL, NEAR),
        (confirmed, ~sure, CLOSE),
        (every, ~sure, CLOSE),
    ):
        allowed = np.outer(which & free_chains, faces & free_faces)
        for chain, face in overlaps.pairs(np.where(allowed, shares, 0), least):
            live[chain].add(found, face)
            free_chains[chain] = free_faces[face] = False
    left = sorted(np.flatnonzero(free_faces).tolist(), key=lambda face: found.boxes[face].tolist())
    return [Chain.started(found, face) for face in left]


@dataclass(frozen=True, slots=True)
class _Ends:
    """A chain, and its first and last box, (4,), when that was, and how fast it moved, (2,)."""

    chain: Chain
    boxes: tuple[Values, Values]
    times: tuple[float, float]
    velocities: tuple[Values, Values]

    @classmethod
    def of(cls, chain: Chain, scene: Scene) -> Self:
        # More than there are in RECENT_S, at any usual frame rate.
        rows = np.array(chain.rows[:32]), np.array(chain.rows[-32:])
        times = [scene.times[scene.positions(end)].tolist() for end in rows]
        boxes = [scene.boxes[end] for end in rows]
        return cls(
            chain,
            (boxes[0][0].astype(np.float64), boxes[1][-1].astype(np.float64)),
            (times[0][0], times[1][-1]),
            (velocity(times[0], boxes[0], at_end=False), velocity(times[1], boxes[1], at_end=True)),
        )

    @property
    def order(self) -> tuple[float, ...]:
        return (self.times[0], *self.boxes[0].tolist())

    def distance(self, later: "_Ends") -> float:
        """Return how far the beginning of a later chain is from where this one leads; above 1 it is another face."""
        gap = later.times[0] - self.times[1]
        sides = _side(self.boxes[1]), _side(later.boxes[0])
        if max(sides) > MAX_RESIZING * min(sides):
            return np.inf
        move = centres(later.boxes[0]) - centres(self.boxes[1])
        off = np.array([move, move - self.velocities[1] * gap, move - later.velocities[0] * gap])
        return float(np.hypot(*off.T).min() / max(*sides, 1e-6) / (REACH + REACH_PER_S * gap))


def _bridged(chains: Iterable[Chain], scene: Scene) -> list[Chain]:
    """Join chains across gaps, the end of one with the beginning of another, the nearest ones first; by first sight."""
    parts = sorted((_Ends.of(one, scene) for one in chains), key=lambda one: one.order)
    starts = [part.times[0] for part in parts]
    links = sorted(
        (part.distance(parts[other]), one, other)
        for one, part in enumerate(parts)
        for other in range(
            bisect.bisect_right(starts, part.times[1]), bisect.bisect_right(starts, part.times[1] + MAX_GAP_S)
        )
    )
    following: dict[int, int] = {}
    taken: set[int] = set()
    for distance, one, other in links:
        if distance <= 1 and one not in following and other not in taken:
            following[one] = other
            taken.add(other)
    for first in sorted(set(range(len(parts))) - taken):
        number = first
        while number in following:
            number = following[number]
            parts[first].chain.join(parts[number].chain)
    return [part.chain for number, part in enumerate(parts) if number not in taken]


def velocity(times: Sequence[float], boxes: Boxes | Values, *, at_end: bool) -> Values:
    """Return how fast the centre of a face's boxes, (n, 4), moves at one of its ends.

    In pixels a second, (2,): the slope of a fitted line; none where there are too few boxes.
    """
    moments = np.array(times)
    recent = moments >= moments[-1] - RECENT_S if at_end else moments <= moments[0] + RECENT_S
    if recent.sum() < 3:
        return np.zeros(2)
    moments, points = moments[recent], centres(np.asarray(boxes, np.float64)[recent])
    moments = moments - moments.mean()
    return np.asarray(moments @ (points - points.mean(axis=0)) / max(moments @ moments, 1e-9))


def centres(boxes: Values) -> Values:
    """Return the centres of boxes, (…, 4), as x and y, (…, 2)."""
    return (boxes[..., :2] + boxes[..., 2:]) / 2


def _side(box: Values) -> float:
    return float(max(box[2] - box[0], box[3] - box[1]))
