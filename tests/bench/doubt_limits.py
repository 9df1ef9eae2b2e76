"""The limits of doubtful faces: those that exchange needless masks for covered faces at the best rate.

Limits never rise with the size of a face, and those of crowds are never above those of other pictures: that keeps
classes with few faces from following chance.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.vision import doubts
from core.vision.doubts import DoubtLimits
from tests.bench import covered
from tests.bench.scenes import Boxes, Found

SIDES = (16, 32, 64, 128)
SURE = covered.OPTIONS.confidence
LEAST = 0.15  # chosen: below it hardly anything is a face
# How many needless masks it is worth to cover one more of WIDER's hard faces, and one from 64 pixels on.
# measured, scrfd_2.5g: with 4 .878 of the hard faces are covered and 2.07 masks a picture are needless, with 4.5 .882
# and 2.27, with 5 .885 and 2.52; the more a face identifies, the more it counts
FACE, LARGE_FACE = 4.5, 10
# chosen: where few faces are, a needless mask is seen; it counts as so many
IN_FEW = 3

Limits = NDArray[np.float64]  # (2, len(SIDES) + 1): of pictures with few sure faces, of crowds


@dataclass(frozen=True)
class Evidence:
    """What limits decide about. Classes are indices of flattened `Limits`.

    covering: class and score of each found face that covers an annotated one, and the index of the latter; worth: of
    each annotated face; needless: class, score and cost of each that covers none.
    """

    covering: tuple[NDArray[np.intp], Limits, NDArray[np.intp]]
    worth: Limits
    needless: tuple[NDArray[np.intp], Limits, Limits]

    def gain(self, limits: Limits) -> float:
        """Return what the masked faces are worth, less the cost of needless masks."""
        least = np.minimum(limits, SURE).ravel()
        classes, scores, faces = self.covering
        hits = np.unique(faces[scores >= least[classes]])
        classes, scores, costs = self.needless
        return float(self.worth[hits].sum() - costs[scores >= least[classes]].sum())


def derived(search: Iterable[Found]) -> DoubtLimits:
    """Return the best limits for what a balanced search found with a confidence of LEAST and more."""
    evidence, limits = _evidence(search), np.full((2, len(SIDES) + 1), SURE)
    improved = True
    while improved:
        moved = max(_moves(limits), key=evidence.gain)
        improved = evidence.gain(moved) > evidence.gain(limits)
        limits = moved if improved else limits
    few, crowd = (tuple(float(limit) for limit in row) for row in limits)
    return DoubtLimits(SIDES, few, crowd)


def in_manifest(text: str, model: str, limits: DoubtLimits) -> str:
    """Return the manifest's text with other limits of a model."""
    entry = re.compile(rf'(name = "{re.escape(model)}"\n.*?doubt_sides = )\[.*?\]\n.*?\n.*?\n', re.DOTALL)
    lines = f"{list(limits.sides)}\ndoubt_few = {list(limits.few)}\ndoubt_crowd = {list(limits.crowd)}\n"
    changed, count = entry.subn(lambda match: match[1] + lines, text, count=1)
    assert count, f"the manifest has no limits of {model}"
    return changed


def _moves(limits: Limits) -> Iterable[Limits]:
    """Yield limits of which one is another, and those that have to follow it; the least change first."""
    grid = np.arange(round(SURE * 100), round(LEAST * 100) - 1, -1) / 100
    for row, column in reversed(list(np.ndindex(*limits.shape))):
        for limit in grid:
            moved = limits.copy()
            moved[row:, column:] = np.minimum(moved[row:, column:], limit)
            moved[: row + 1, : column + 1] = np.maximum(moved[: row + 1, : column + 1], limit)
            yield moved


def _evidence(search: Iterable[Found]) -> Evidence:
    covering: list[tuple[int, float, int]] = []
    needless: list[tuple[int, float, float]] = []
    worth: list[float] = []
    for found in search:
        classes, scores = _classes(found), [face.confidence for face in found.faces]
        areas = covered.masks(found.faces)
        for index, (face, side) in enumerate(zip(found.scene.faces, found.scene.sides, strict=True)):
            hard = FACE if index in found.scene.counted else 0
            value = max(hard, LARGE_FACE if side >= covered.LARGE else 0)
            hits = np.flatnonzero(_held(face, areas) >= covered.COVERED)
            covering += [(classes[hit], scores[hit], len(worth)) for hit in hits]
            worth.append(value)
        cost = IN_FEW if len(found.scene.faces) < covered.FEW else 1
        needless += [(classes[index], scores[index], cost) for index in np.flatnonzero(found.needless)]
    hit, no = np.array(covering, float).reshape(-1, 3), np.array(needless, float).reshape(-1, 3)
    return Evidence(
        (hit[:, 0].astype(np.intp), hit[:, 1], hit[:, 2].astype(np.intp)),
        np.array(worth),
        (no[:, 0].astype(np.intp), no[:, 1], no[:, 2]),
    )


def _classes(found: Found) -> list[int]:
    crowd = sum(face.confidence >= SURE for face in found.faces) >= doubts.CROWD
    sizes = [int(np.searchsorted(SIDES, doubts.longer_side(face), side="right")) for face in found.faces]
    return [size + crowd * (len(SIDES) + 1) for size in sizes]


def _held(face: NDArray[np.float64], areas: Boxes) -> NDArray[np.float64]:
    """Return the share of a face's box that each of some areas holds."""
    sides = np.minimum(areas[:, 2:], face[2:]) - np.maximum(areas[:, :2], face[:2])
    area = max(1.0, float(np.prod(face[2:] - face[:2])))
    return np.asarray(np.clip(sides, 0, None).prod(axis=1) / area)
