"""Detectors whose faces are known, and pictures for them."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from core.contract.options import ResolvedDetectOptions
from core.contract.reports import Box, Detections, Face, Timings
from core.vision.detector import Surroundings
from core.vision.doubts import DoubtLimits
from core.weights.versions import Precision

Pixels = NDArray[np.uint8]
MAX_PIXELS = 10**6


class KnownFaces:
    """Finds the same faces in every picture, or only where the picture passes a test, as confident as is said."""

    name, input_size, supports_landmarks = "known", 640, False
    precision: Precision = "fp32"
    runtime = "none"
    doubt_limits = DoubtLimits((), (0.25,), (0.25,))

    def __init__(
        self, *boxes: Box, where: Callable[[Pixels], bool] | None = None, confidences: Sequence[float] = ()
    ) -> None:
        self.boxes = boxes
        self.where = where
        self.confidences = confidences or [0.9 - place / 10 for place in range(len(boxes))]
        self.asked: list[ResolvedDetectOptions] = []
        self.shapes: list[tuple[int, ...]] = []
        self.upright: list[bool] = []
        self.verified: list[Surroundings] = []

    def find_around(self, pixels: Pixels, surroundings: Surroundings) -> tuple[Face, ...]:
        self.verified.append(surroundings)
        return self.find(pixels, surroundings.options.model_copy(update={"max_faces": 0})).faces

    def find(self, pixels: Pixels, options: ResolvedDetectOptions, *, upright: bool = False) -> Detections:
        self.asked.append(options)
        self.upright.append(upright)
        self.shapes.append(pixels.shape)
        seen = self.seen(pixels) if self.where is None or self.where(pixels) else []
        faces = tuple(face for face in seen if face.confidence >= options.confidence)
        return Detections(
            faces=faces[: options.max_faces or None],
            timings=Timings(inference_ms=1),
            candidates_before_nms=len(faces),
            candidates_after_nms=len(faces),
            det_scale=1,
            input_size=(640, 640),
        )

    def seen(self, pixels: Pixels) -> list[Face]:
        return [Face(box=box, confidence=score) for box, score in zip(self.boxes, self.confidences, strict=True)]


class VisibleFaces(KnownFaces):
    """Finds each face where less than half of its box is flat: as long as no mask hides it."""

    def seen(self, pixels: Pixels) -> list[Face]:
        return [face for face in super().seen(pixels) if _busy(pixels, face.box)]


class InTurn(KnownFaces):
    """Finds other faces at every look; the last for ever."""

    def __init__(self, *looks: tuple[Box, ...]) -> None:
        super().__init__()
        self.looks = list(looks)

    def seen(self, pixels: Pixels) -> list[Face]:
        boxes = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return [Face(box=box, confidence=0.9) for box in boxes]


def _busy(pixels: Pixels, box: Box) -> bool:
    left, top, right, bottom = (int(edge) for edge in box)
    part = pixels[top:bottom, left:right].astype(int)
    return bool((np.abs(np.diff(part, axis=1)).max(axis=2) > 12).mean() > 0.5)


def noise(channels: int = 3, width: int = 80, height: int = 50) -> Pixels:
    return np.random.default_rng(7).integers(0, 256, (height, width, channels), np.uint8)


def png(pixels: Pixels) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def unpacked(image: bytes) -> Pixels:
    return np.asarray(cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)
