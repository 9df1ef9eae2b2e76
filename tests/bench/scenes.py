"""Annotated pictures, and what a search finds in them."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
from numpy.typing import NDArray

from core.contract.options import ResolvedDetectOptions
from core.contract.reports import Face
from core.vision.detector import OnnxDetector

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float64]
# The IoU of every box of the first with every box of the second.
IoU = Callable[[Boxes, Boxes], Boxes]

SAME = 0.5  # IoU of a found face with the annotated one, as WIDER FACE counts
NOTHING = 0.3  # a found face that overlaps no annotated one by this much is none


@dataclass(frozen=True)
class Scene:
    """An annotated picture. faces: (n, 4) left top right bottom, all of them; counted: those of the `hard` subset."""

    path: Path
    faces: Boxes
    counted: NDArray[np.intp]

    def read(self) -> Pixels:
        return np.asarray(cv2.imread(str(self.path)), np.uint8)

    @property
    def sides(self) -> NDArray[np.float64]:
        """The longer side of each annotated face."""
        return np.asarray((self.faces[:, 2:] - self.faces[:, :2]).max(axis=1, initial=0))

    @property
    def annotated(self) -> bool:
        """Whether somebody has marked a face in it: WIDER FACE has pictures of hundreds with one empty box."""
        return bool(self.sides.any())


@dataclass(frozen=True)
class Found:
    """What a search found in a scene of (width, height). overlap: IoU of each found face with each annotated one.

    seconds: of CPU.
    """

    scene: Scene
    size: tuple[int, int]
    faces: tuple[Face, ...]
    overlap: Boxes
    seconds: float = 0

    @property
    def boxes(self) -> Boxes:
        return boxes(self.faces)

    @property
    def needless(self) -> NDArray[np.bool_]:
        """Which of the found faces overlap no annotated one."""
        return np.asarray(self.overlap.max(axis=1, initial=0) < NOTHING)


def boxes(faces: Iterable[Face]) -> Boxes:
    """Return the boxes of faces, (n, 4)."""
    return np.array([face.box for face in faces], float).reshape(-1, 4)


def scenes(shared: Path, tool: ModuleType, most: int) -> list[Scene]:
    """Return so many annotated pictures, from all over the set."""
    every = tool.load(shared / "data/wider/images")
    chosen = every[:: max(1, len(every) // most)][:most]
    return [Scene(path, tool.corners(faces), keep["hard"]) for path, faces, keep in chosen]


def search(finder: OnnxDetector, chosen: Iterable[Scene], options: ResolvedDetectOptions, iou: IoU) -> list[Found]:
    """Search every scene, in one thread."""
    return [_found(finder, scene, options, iou) for scene in chosen]


def _found(finder: OnnxDetector, scene: Scene, options: ResolvedDetectOptions, iou: IoU) -> Found:
    pixels = scene.read()
    started = time.process_time()
    faces = finder.find(pixels, options).faces
    seconds = time.process_time() - started
    size = pixels.shape[1], pixels.shape[0]
    return Found(scene, size, faces, iou(boxes(faces), scene.faces), seconds)
