"""The pipeline with a detector whose faces are known: what is covered, what stays, what is reported."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import UndecodableImage
from core.results import DetectOptions, Face, Found, MaskOptions, Timings
from core.vision import pipeline

MAX_PIXELS = 10**6
BOX = (20.0, 10.0, 40.0, 30.0)


class KnownFaces:
    """Finds the same faces in every picture, or only where the picture passes a test."""

    name, input_size, supports_landmarks = "known", 640, False

    def __init__(self, *boxes: tuple[float, float, float, float], where: object = None) -> None:
        self.boxes = boxes
        self.where = where

    def find(self, pixels: NDArray[np.uint8], options: DetectOptions) -> Found:
        seen = self.boxes if self.where is None or self.where(pixels) else ()  # type: ignore[operator]  # a function
        faces = tuple(Face(box=box, confidence=0.9 - place / 10) for place, box in enumerate(seen))
        return Found(
            faces=faces,
            timings=Timings(inference_ms=1),
            candidates_before_nms=len(faces),
            candidates_after_nms=len(faces),
            det_scale=1,
            input_size=(640, 640),
        )


def noise(channels: int = 3) -> NDArray[np.uint8]:
    return np.random.default_rng(7).integers(0, 256, (50, 80, channels), np.uint8)


def png(pixels: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def unpacked(image: bytes) -> NDArray[np.uint8]:
    return cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_UNCHANGED)


def test_detect_reports_upright_picture() -> None:
    report = pipeline.detect(png(noise()), DetectOptions(), KnownFaces(BOX), MAX_PIXELS)
    assert (report.width, report.height, report.channels, report.model) == (80, 50, 3, "known")
    assert report.found.faces[0].box == BOX
    assert report.found.timings.decode_ms > 0 and report.found.timings.mask_ms is None


def test_mask_covers_grown_box_only() -> None:
    source = noise()
    options = MaskOptions(method="solid", padding=0.1, format="png")
    masked = pipeline.mask(png(source), options, KnownFaces(BOX), MAX_PIXELS)
    expected = source.copy()
    expected[8:32, 18:42] = 0
    assert (unpacked(masked.image) == expected).all()
    assert masked.cover.regions == 1


def test_mask_without_faces_keeps_pixels() -> None:
    source = noise()
    masked = pipeline.mask(png(source), MaskOptions(format="png"), KnownFaces(), MAX_PIXELS)
    assert (unpacked(masked.image) == source).all()
    assert masked.cover.regions == 0


def test_mask_is_opaque_on_transparency() -> None:
    source = noise(4)
    source[..., 3] = 100
    source[:, 30:, 3] = 0
    options = MaskOptions(method="solid", padding=0, format="png")
    result = unpacked(pipeline.mask(png(source), options, KnownFaces(BOX), MAX_PIXELS).image)
    inside = result[10:30, 20:40]
    assert (inside[..., 3] == 255).all() and (inside[..., :3] == 0).all()
    assert (result[:10, :30] == source[:10, :30]).all()


def test_transparent_pixels_keep_no_colour() -> None:
    source = noise(4)
    source[..., 3] = 255
    source[5:20, 5:20, 3] = 0
    result = unpacked(pipeline.mask(png(source), MaskOptions(format="png"), KnownFaces(), MAX_PIXELS).image)
    assert (result[5:20, 5:20] == 0).all()


def test_face_hidden_by_alpha_is_found() -> None:
    source = np.full((50, 80, 4), 90, np.uint8)
    source[..., 3] = 10
    darker = KnownFaces(BOX, where=lambda pixels: pixels.mean() < 128)
    report = pipeline.detect(png(source), DetectOptions(), darker, MAX_PIXELS)
    assert len(report.found.faces) == 1 and report.channels == 4


def test_face_drawn_in_alpha_is_found() -> None:
    source = np.zeros((50, 80, 4), np.uint8)
    source[..., 3] = 10
    brighter = KnownFaces(BOX, where=lambda pixels: pixels.mean() > 128)
    report = pipeline.detect(png(source), DetectOptions(), brighter, MAX_PIXELS)
    assert len(report.found.faces) == 1


def test_face_seen_twice_counts_once() -> None:
    source = noise(4)
    report = pipeline.detect(png(source), DetectOptions(), KnownFaces(BOX), MAX_PIXELS)
    assert len(report.found.faces) == 1
    assert report.found.candidates_before_nms == 2


def test_cut_picture_is_never_masked() -> None:
    data = png(noise())
    with pytest.raises(UndecodableImage):
        pipeline.mask(data[: len(data) // 2], MaskOptions(), KnownFaces(), MAX_PIXELS)


def test_failing_detector_gives_no_picture() -> None:
    class Broken(KnownFaces):
        def find(self, pixels: NDArray[np.uint8], options: DetectOptions) -> Found:
            raise RuntimeError("no memory")

    with pytest.raises(RuntimeError):
        pipeline.mask(png(noise()), MaskOptions(), Broken(), MAX_PIXELS)
