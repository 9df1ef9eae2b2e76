"""How many faces are found, by their size and by how closely a picture is searched; how many masks hide nothing."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
from numpy.typing import NDArray

from core.contract.options import Detail, ResolvedDetectOptions
from core.vision.detector import OnnxDetector

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float64]
# The IoU of every box of the first with every box of the second.
IoU = Callable[[Boxes, Boxes], Boxes]

FOUND = 0.5  # IoU with the annotated box, as WIDER FACE counts
NOTHING = 0.3  # a detection that overlaps no annotated face by this much is none
# Lower bounds of the classes: pixels of a face's longer side, and its share of the picture's longer side.
PIXELS = (0, 16, 32, 64, 128, 256)
SHARES = (0, 0.01, 0.02, 0.04, 0.08, 0.16)
WORST = 12


@dataclass(frozen=True)
class Scene:
    """An annotated picture. faces: (n, 4) left top right bottom, all of them; counted: those of the `hard` subset."""

    path: Path
    faces: Boxes
    counted: NDArray[np.intp]

    def read(self) -> Pixels:
        return np.asarray(cv2.imread(str(self.path)), np.uint8)


@dataclass
class Recall:
    """What one search found over many pictures. found, sides, shares: an entry for each face that counts."""

    found: list[bool] = field(default_factory=list)
    sides: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    nothing: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    missed: list[tuple[float, Path, Boxes]] = field(default_factory=list)

    def by(self, values: list[float], bounds: tuple[float, ...]) -> list[tuple[int, float | None]]:
        """Return for each class the number of faces and the share of them that was found."""
        classes = np.searchsorted(bounds, values, side="right") - 1
        hits = np.array(self.found, float)
        sizes = [int((classes == one).sum()) for one in range(len(bounds))]
        return [(size, float(hits[classes == one].mean()) if size else None) for one, size in enumerate(sizes)]


def scenes(shared: Path, tool: ModuleType, most: int) -> list[Scene]:
    """Return so many annotated pictures, from all over the set."""
    every = tool.load(shared / "data/wider/images")
    chosen = every[:: max(1, len(every) // most)][:most]
    return [Scene(path, tool.corners(boxes), keep["hard"]) for path, boxes, keep in chosen]


def searched(finder: OnnxDetector, pictures: Iterable[Scene], detail: Detail, tool: ModuleType) -> Recall:
    """Search every picture and compare with what is annotated."""
    reported = Recall()
    for scene in pictures:
        pixels = scene.read()
        started = time.process_time()
        faces = finder.find(pixels, ResolvedDetectOptions(detail=detail)).faces
        reported.seconds.append(time.process_time() - started)
        boxes = np.array([face.box for face in faces], float).reshape(-1, 4)
        overlap = tool.iou(boxes, scene.faces) if len(scene.faces) else np.zeros((len(boxes), 1))
        reported.nothing.append(int((overlap.max(axis=1, initial=0) < NOTHING).sum()))
        for index in scene.counted:
            hit = bool((overlap[:, index] >= FOUND).any())
            side = float((scene.faces[index, 2:] - scene.faces[index, :2]).max())
            reported.found.append(hit)
            reported.sides.append(side)
            reported.shares.append(side / max(pixels.shape[:2]))
            if not hit:
                reported.missed.append((side, scene.path, scene.faces[index]))
    return reported


def write_worst(reported: Recall, folder: Path) -> int:
    """Write cut-outs of the largest faces that were missed, and return how many."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.jpg"):
        old.unlink()
    worst = sorted(reported.missed, key=lambda one: -one[0])[:WORST]
    for number, (side, path, box) in enumerate(worst, 1):
        pixels = np.asarray(cv2.imread(str(path)), np.uint8)
        left, top, right, bottom = (int(edge) for edge in box)
        cv2.rectangle(pixels, (left, top), (right, bottom), (0, 0, 255), 2)
        around = int(2 * side)
        part = pixels[max(0, top - around) : bottom + around, max(0, left - around) : right + around]
        cv2.imwrite(str(folder / f"{number:02}-{side:.0f}px-{path.stem}.jpg"), part)
    return len(worst)
