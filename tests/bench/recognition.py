"""Does a mask hide the person? Masked portraits before a detector and a recogniser, in this process.

The measures are those of the shared tool `privacy.py`, which asks a running service.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from core.contract.options import ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.reports import Face
from core.vision import masks, regions
from core.vision.detector import OnnxDetector
from core.vision.regions import MaskPolicy

Pixels = NDArray[np.uint8]
Cover = Callable[[Pixels, tuple[Face, ...]], Pixels]

SURE = 0.5  # what counts as found again
LIKELY = 0.3  # what is masked
SAME = 0.3  # IoU of a face and one that is found again
JPEG_QUALITY = 95


@dataclass(frozen=True)
class Portrait:
    """A picture of a person. points: (5, 2), the landmarks of `face`, the largest; clean: its embedding."""

    name: str
    pixels: Pixels
    faces: tuple[Face, ...]
    face: Face
    points: NDArray[np.float32]
    clean: NDArray[np.float32]


@dataclass(frozen=True)
class Figures:
    """redetected: share of masked faces that are found again; clean, parrot: AUC of the recogniser, 0.5 is chance."""

    redetected: float
    clean: float
    parrot: float

    @property
    def passes(self) -> bool:
        return self.redetected == 0 and self.clean <= 0.60 and self.parrot <= 0.70


class Bench:
    """Portraits of which it is known who is on them."""

    def __init__(self, shared: Path, tool: ModuleType, finder: OnnxDetector) -> None:
        self._tool = tool
        self._finder = finder
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = str(shared / "data/weights/recognizer_mobilefacenet.onnx")
        self._net = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._folder = shared / "data/reid/deepface"
        with (self._folder / "master.csv").open() as file:
            self._pairs = list(csv.DictReader(file))

    def portraits(self) -> list[Portrait]:
        """Read every portrait in which a face is found."""
        names = sorted({row[side] for row in self._pairs for side in ("file_x", "file_y")})
        made = (self._portrait(name, self._read(name)) for name in names if (self._folder / name).exists())
        return [portrait for portrait in made if portrait is not None]

    def scaled(self, portrait: Portrait, side: int) -> Portrait:
        """Cut a face out with as much again around it, and make its longer side so many pixels."""
        left, top, right, bottom = portrait.face.box
        longer = max(right - left, bottom - top)
        x, y = int(max(0, left - longer)), int(max(0, top - longer))
        part = portrait.pixels[y : int(bottom + longer), x : int(right + longer)]
        scale = side / longer
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        pixels = np.asarray(cv2.resize(part, None, fx=scale, fy=scale, interpolation=way), np.uint8)
        face = _moved(portrait.face, x, y, scale)
        points = np.array(face.landmarks, np.float32)
        clean = self._tool.embedding(self._net, pixels, points)
        faces = tuple(_moved(one, x, y, scale) for one in portrait.faces)
        return Portrait(portrait.name, pixels, faces, face, points, clean)

    def figures(self, portraits: list[Portrait], cover: Cover, *, jpeg: bool = False) -> Figures:
        """Mask every portrait, perhaps through a JPEG, and see who is known again."""
        masked, found = {}, 0
        for portrait in portraits:
            covered = cover(portrait.pixels, portrait.faces)
            if jpeg:
                data = cv2.imencode(".jpg", covered, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
                covered = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
            masked[portrait.name] = self._tool.embedding(self._net, covered, portrait.points)
            found += self._found_again(covered, portrait.face)
        clean = {portrait.name: portrait.clean for portrait in portraits}
        rows = [(row["file_x"], row["file_y"], row["Decision"] == "Yes") for row in self._pairs]
        rows = [row for row in rows if row[0] in clean and row[1] in clean]
        same = np.array([row[2] for row in rows])
        against_clean = np.array([max(masked[x] @ clean[y], clean[x] @ masked[y]) for x, y, _ in rows])
        against_masked = np.array([masked[x] @ masked[y] for x, y, _ in rows])
        auc = self._tool.auc
        return Figures(found / len(portraits), auc(against_clean, same), auc(against_masked, same))

    def _read(self, name: str) -> Pixels:
        return np.asarray(cv2.imread(str(self._folder / name)), np.uint8)

    def _portrait(self, name: str, pixels: Pixels) -> Portrait | None:
        faces = self._finder.find(pixels, ResolvedDetectOptions(confidence=LIKELY, detail="fast")).faces
        known = [face for face in faces if face.landmarks is not None]
        if not known:
            return None
        face = max(known, key=lambda one: (one.box[2] - one.box[0]) * (one.box[3] - one.box[1]))
        points = np.array(face.landmarks, np.float32)
        return Portrait(name, pixels, faces, face, points, self._tool.embedding(self._net, pixels, points))

    def _found_again(self, covered: Pixels, face: Face) -> bool:
        again = self._finder.find(covered, ResolvedDetectOptions(confidence=SURE, detail="fast")).faces
        return any(self._tool.overlap(_named(face), _named(one)) > SAME for one in again)


def covering(options: ResolvedMaskOptions, floor: MaskPolicy = regions.STRONG) -> Cover:
    """Return what masks as these options say."""

    def cover(pixels: Pixels, faces: tuple[Face, ...]) -> Pixels:
        size = pixels.shape[1], pixels.shape[0]
        return masks.cover(pixels, regions.plan(faces, options, floor, size)).pixels

    return cover


def _moved(face: Face, x: float, y: float, scale: float) -> Face:
    left, top, right, bottom = face.box
    box = ((left - x) * scale, (top - y) * scale, (right - x) * scale, (bottom - y) * scale)
    marks = face.landmarks and tuple(((a - x) * scale, (b - y) * scale) for a, b in face.landmarks)
    return face.model_copy(update={"box": box, "landmarks": marks})


def _named(face: Face) -> dict[str, float]:
    return dict(zip(("x1", "y1", "x2", "y2"), face.box, strict=True))
