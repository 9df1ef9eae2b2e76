"""What the default mask covers of the annotated faces, and what it covers needlessly."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.contract.options import Doubtful, ResolvedMaskOptions
from core.contract.reports import Face
from core.vision import doubts
from core.vision.doubts import DoubtLimits
from tests.bench.scenes import Boxes, Found, boxes

OPTIONS = ResolvedMaskOptions()
DEFAULT = OPTIONS.model_copy(update={"doubtful": "mask"})  # where a setting or a call says nothing else
COVERED = 0.8  # of the annotated box
GRID = 24  # points of a box a side, at which it is looked up whether a mask covers it
SIDES = (8, 16, 32, 64, 128)  # lower bounds of the classes, in pixels of a face's longer side
LARGE = 64  # pixels; the longer side of faces by which people are recognised
FEW = 10  # annotated faces; a picture with fewer is none of a crowd


@dataclass
class Coverage:
    """What was covered in many pictures. hard, sides: an entry for each annotated face; needless: for each picture."""

    covered: list[bool] = field(default_factory=list)
    hard: list[bool] = field(default_factory=list)
    sides: list[float] = field(default_factory=list)
    needless: list[int] = field(default_factory=list)
    annotated: list[int] = field(default_factory=list)

    def joined(self, other: Self) -> Self:
        """Return what was covered in the pictures of both."""
        pairs = ((getattr(self, one.name), getattr(other, one.name)) for one in fields(self))
        return type(self)(*(ours + theirs for ours, theirs in pairs))

    def share(self, which: NDArray[np.bool_]) -> float | None:
        """Return the share of some faces that is covered."""
        return float(np.array(self.covered)[which].mean()) if which.any() else None

    def of_hard(self) -> float | None:
        return self.share(np.array(self.hard))

    def of_large(self) -> float | None:
        return self.share(np.array(self.sides) >= LARGE)

    def by_side(self) -> list[tuple[int, float | None]]:
        """Return for each class of SIDES the number of faces and the share of them that is covered."""
        classes = np.searchsorted(SIDES, self.sides, side="right") - 1
        return [(int((classes == one).sum()), self.share(classes == one)) for one in range(len(SIDES))]

    def needless_a_picture(self, most: float = np.inf) -> float:
        """Return the mean number of needless masks, over pictures with less than so many annotated faces."""
        return float(np.array(self.needless)[np.array(self.annotated) < most].mean())


def measured(search: Iterable[Found], doubtful: Doubtful, limits: DoubtLimits) -> Coverage:
    """Compare what the default mask would cover of what a search found with what is annotated."""
    options, total = OPTIONS.model_copy(update={"doubtful": doubtful}), Coverage()
    for found in search:
        judged = doubts.judge(found.faces, options, limits)
        masked = (*judged.sure, *judged.doubtful)
        areas = masks(masked)
        which = {face.box for face in masked}
        total.needless.append(sum(face.box in which for face in _needless(found)))
        total.annotated.append(len(found.scene.faces))
        total.covered += [share_covered(face, areas) >= COVERED for face in found.scene.faces]
        total.hard += np.isin(np.arange(len(found.scene.faces)), found.scene.counted).tolist()
        total.sides += found.scene.sides.tolist()
    return total


def masks(faces: Sequence[Face]) -> Boxes:
    """Return what the default mask covers of a picture with these faces, before it is cut to the picture, (n, 4)."""
    found = boxes(faces)
    padding = OPTIONS.padding * (found[:, 2:] - found[:, :2])
    return np.hstack([found[:, :2] - padding, found[:, 2:] + padding])


def _needless(found: Found) -> list[Face]:
    return [found.faces[index] for index in np.flatnonzero(found.needless)]


def share_covered(face: NDArray[np.float64], areas: Boxes) -> float:
    x, y = np.meshgrid(*(np.linspace(face[axis], face[axis + 2], GRID) for axis in (0, 1)))
    inside = np.zeros(x.shape, bool)
    for left, top, right, bottom in areas:
        inside |= (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
    return float(inside.mean())
