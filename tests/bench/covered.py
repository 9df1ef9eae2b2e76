"""What the default mask covers of the annotated faces, and what it covers needlessly."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.contract.options import Doubtful, ResolvedMaskOptions
from core.pictures.images import DecodedImage
from core.vision import finding
from core.vision.detector import OnnxDetector
from tests.bench.recall import NOTHING, Boxes, IoU, Scene

PADDING = ResolvedMaskOptions().padding
COVERED = 0.8  # of the annotated box
GRID = 24  # points of a box a side, at which it is looked up whether a mask covers it
SIDES = (8, 16, 32, 64, 128)  # lower bounds of the classes, in pixels of a face's longer side
FEW = 10  # annotated faces; a picture with fewer is none of a crowd


@dataclass
class Coverage:
    """What was covered in many pictures. hard, sides: an entry for each annotated face; needless: for each picture."""

    covered: list[bool] = field(default_factory=list)
    hard: list[bool] = field(default_factory=list)
    sides: list[float] = field(default_factory=list)
    needless: list[int] = field(default_factory=list)
    annotated: list[int] = field(default_factory=list)
    doubtful: int = 0
    seconds: float = 0.0

    def share(self, which: NDArray[np.bool_]) -> float | None:
        """Return the share of some faces that is covered."""
        return float(np.array(self.covered)[which].mean()) if which.any() else None

    def of_hard(self) -> float | None:
        return self.share(np.array(self.hard))

    def by_side(self) -> list[tuple[int, float | None]]:
        """Return for each class of SIDES the number of faces and the share of them that is covered."""
        classes = np.searchsorted(SIDES, self.sides, side="right") - 1
        return [(int((classes == one).sum()), self.share(classes == one)) for one in range(len(SIDES))]

    def needless_a_picture(self, most: float = np.inf) -> float:
        """Return the mean number of needless masks, over pictures with less than so many annotated faces."""
        return float(np.array(self.needless)[np.array(self.annotated) < most].mean())


def measured(finder: OnnxDetector, scenes: Iterable[Scene], doubtful: Doubtful, iou: IoU) -> Coverage:
    """Find what the default mask would cover, and compare it with what is annotated."""
    options, total = ResolvedMaskOptions(doubtful=doubtful), Coverage()
    for scene in scenes:
        picture = DecodedImage(scene.read())
        started = time.process_time()
        faces = finding.find_to_mask(picture, options, finder).detections.faces
        total.seconds += time.process_time() - started
        total.doubtful += sum(face.review for face in faces)
        boxes = np.array([face.box for face in faces], float).reshape(-1, 4)
        sizes = boxes[:, 2:] - boxes[:, :2]
        masks = np.hstack([boxes[:, :2] - PADDING * sizes, boxes[:, 2:] + PADDING * sizes])
        overlap = iou(boxes, scene.faces) if len(scene.faces) else np.zeros((len(boxes), 1))
        total.needless.append(int((overlap.max(axis=1, initial=0) < NOTHING).sum()))
        total.annotated.append(len(scene.faces))
        for index, face in enumerate(scene.faces):
            total.covered.append(_share_covered(face, masks) >= COVERED)
            total.hard.append(bool(np.isin(index, scene.counted)))
            total.sides.append(float((face[2:] - face[:2]).max()))
    return total


def _share_covered(face: NDArray[np.float64], masks: Boxes) -> float:
    x, y = np.meshgrid(*(np.linspace(face[axis], face[axis + 2], GRID) for axis in (0, 1)))
    inside = np.zeros(x.shape, bool)
    for left, top, right, bottom in masks:
        inside |= (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
    return float(inside.mean())
