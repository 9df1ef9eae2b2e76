"""The limits of doubtful faces: those that exchange needless masks for covered faces at the best rate.

Limits never rise with the size of a face, and those of crowds are never above those of other pictures: that keeps
classes with few faces from following chance.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.vision import doubts
from core.vision.doubts import DoubtLimits
from tests.bench import covered
from tests.bench.covered import Coverage
from tests.bench.scenes import Boxes, Found

SIDES = (16, 32, 64, 128)
SURE = covered.OPTIONS.confidence
# chosen: the limits that are tried; a doubtful face that many boxes agree about can be likelier than one that is sure
LOWEST, HIGHEST = 0.15, 0.8
# chosen: the highest limit of faces from 64 pixels on, however few of these pictures have a doubtful one: such a box is
# rarely a false one, and the face identifies somebody
HIGHEST_LARGE = 0.44
# chosen: so far down these limits go where no needless mask speaks against it; as those of a thorough search
LOWEST_LARGE = doubts.THOROUGH
# How many needless masks it is worth to cover one more of WIDER's hard faces: the first with which so many of them are
# covered, or else the last.
SOUGHT = 0.88
FACE = (2.5, 3, 3.5, 4, 4.5)
LARGE_FACE = 17  # chosen: one from 64 pixels on; the more a face identifies, the more it counts
# chosen: where few faces are, a needless mask is seen; it counts as so many
IN_FEW = 5

Limits = NDArray[np.float64]  # (2, len(SIDES) + 1): of pictures with few sure faces, of crowds


@dataclass(frozen=True)
class Evidence:
    """What limits decide about: the doubtful faces. Classes are indices of flattened `Limits`.

    covering: class and likelihood of each found face that covers an annotated one, and the index of the latter; worth:
    of each annotated face, 0 where a sure one covers it; needless: class, likelihood and cost of each that covers none.
    """

    covering: tuple[NDArray[np.intp], Limits, NDArray[np.intp]]
    worth: Limits
    needless: tuple[NDArray[np.intp], Limits, Limits]

    def gain(self, limits: Limits) -> float:
        """Return what the masked faces are worth, less the cost of needless masks."""
        least = limits.ravel()
        classes, likelihoods, faces = self.covering
        hits = np.unique(faces[likelihoods >= least[classes]])
        classes, likelihoods, costs = self.needless
        return float(self.worth[hits].sum() - costs[likelihoods >= least[classes]].sum())


def derived(search: Iterable[Found]) -> DoubtLimits:
    """Return the best limits for what a balanced search found with a confidence of `doubts.LEAST` and more."""
    search = list(search)
    for face in FACE:
        limits = _best(_evidence(search, face))
        if (covered.measured(search, "mask", limits).of_hard() or 0) >= SOUGHT:
            break
    return limits


def crossed(search: Sequence[Found]) -> Coverage:
    """Return what limits cover that are derived from every second picture, in the others."""
    halves = search[::2], search[1::2]
    first, second = (
        covered.measured(half, "mask", derived(other)) for half, other in zip(halves, reversed(halves), strict=True)
    )
    return first.joined(second)


def _best(evidence: Evidence) -> DoubtLimits:
    limits, improved = np.full((2, len(SIDES) + 1), HIGHEST), True
    while improved:
        moved = max(_moves(limits), key=evidence.gain)
        improved = evidence.gain(moved) > evidence.gain(limits)
        limits = moved if improved else limits
    limits = _lowered(limits, evidence)
    few, crowd = (tuple(float(limit) for limit in row) for row in limits)
    return DoubtLimits(SIDES, few, crowd)


def _lowered(limits: Limits, evidence: Evidence) -> Limits:
    """Lower the limits of large faces as far as that costs nothing: in doubt, they are masked."""
    large = SIDES.index(covered.LARGE) + 1
    limits[:, large:] = np.minimum(limits[:, large:], HIGHEST_LARGE)
    for row, column in reversed([(row, column) for row in (0, 1) for column in range(large, limits.shape[1])]):
        for limit in _grid(limits[row, column], LOWEST_LARGE):
            lower = limits.copy()
            lower[row:, column:] = np.minimum(lower[row:, column:], limit)
            limits = lower if evidence.gain(lower) >= evidence.gain(limits) else limits
    return limits


def in_manifest(text: str, model: str, limits: DoubtLimits) -> str:
    """Return the manifest's text with other limits of a model."""
    entry = re.compile(rf'(name = "{re.escape(model)}"\n.*?doubt_sides = )\[.*?\]\n.*?\n.*?\n', re.DOTALL)
    lines = f"{list(limits.sides)}\ndoubt_few = {list(limits.few)}\ndoubt_crowd = {list(limits.crowd)}\n"
    changed, count = entry.subn(lambda match: match[1] + lines, text, count=1)
    assert count, f"the manifest has no limits of {model}"
    return changed


def _moves(limits: Limits) -> Iterable[Limits]:
    """Yield limits of which one is another, and those that have to follow it; the least change first."""
    grid = _grid(HIGHEST, LOWEST)
    for row, column in reversed(list(np.ndindex(*limits.shape))):
        for limit in grid:
            moved = limits.copy()
            moved[row:, column:] = np.minimum(moved[row:, column:], limit)
            moved[: row + 1, : column + 1] = np.maximum(moved[: row + 1, : column + 1], limit)
            yield moved


def _grid(highest: float, lowest: float) -> Limits:
    """Return the limits between two, the highest first."""
    return np.asarray(np.arange(round(highest * 100), round(lowest * 100) - 1, -1) / 100)


def _evidence(search: Iterable[Found], worth_of_hard: float) -> Evidence:
    covering: list[tuple[int, float, int]] = []
    needless: list[tuple[int, float, float]] = []
    worth: list[float] = []
    for found in search:
        sure = np.array([face.confidence >= SURE for face in found.faces], bool)
        classes, likelihoods = _classes(found, sure), [doubts.likelihood(face) for face in found.faces]
        areas = covered.masks(found.faces)
        for index, (face, side) in enumerate(zip(found.scene.faces, found.scene.sides, strict=True)):
            hard = worth_of_hard if index in found.scene.counted else 0
            value = max(hard, LARGE_FACE if side >= covered.LARGE else 0)
            hits = _held(face, areas) >= covered.COVERED
            covering += [(classes[hit], likelihoods[hit], len(worth)) for hit in np.flatnonzero(hits & ~sure)]
            worth.append(0 if (hits & sure).any() else value)
        cost = IN_FEW if len(found.scene.faces) < covered.FEW else 1
        needless += [(classes[one], likelihoods[one], cost) for one in np.flatnonzero(found.needless & ~sure)]
    hit, no = np.array(covering, float).reshape(-1, 3), np.array(needless, float).reshape(-1, 3)
    return Evidence(
        (hit[:, 0].astype(np.intp), hit[:, 1], hit[:, 2].astype(np.intp)),
        np.array(worth),
        (no[:, 0].astype(np.intp), no[:, 1], no[:, 2]),
    )


def _classes(found: Found, sure: NDArray[np.bool_]) -> list[int]:
    crowd = int(sure.sum()) >= doubts.CROWD
    sizes = [int(np.searchsorted(SIDES, doubts.longer_side(face), side="right")) for face in found.faces]
    return [size + crowd * (len(SIDES) + 1) for size in sizes]


def _held(face: NDArray[np.float64], areas: Boxes) -> NDArray[np.float64]:
    """Return the share of a face's box that each of some areas holds."""
    sides = np.minimum(areas[:, 2:], face[2:]) - np.maximum(areas[:, :2], face[:2])
    area = max(1.0, float(np.prod(face[2:] - face[:2])))
    return np.asarray(np.clip(sides, 0, None).prod(axis=1) / area)
