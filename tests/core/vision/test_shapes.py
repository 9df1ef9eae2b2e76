"""The default mask sees what people send: pictures of any shape, from real photographs."""

from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core import config
from core.contract.options import Method, ResolvedMaskOptions
from core.contract.reports import Box
from core.pictures.images import DecodedImage
from core.vision import finding, pipeline
from core.vision.detector import OnnxDetector
from tests import detectors, pictures

Pixels = NDArray[np.uint8]

pytestmark = pytest.mark.slow

DEFAULTS = ResolvedMaskOptions(doubtful="mask")


@pytest.fixture(scope="module")
def finder(scrfd: Path) -> OnnxDetector:
    return detectors.load(config.read(model="scrfd_2.5g", weights_dir=scrfd, inference_threads=1))


@pytest.fixture(scope="module")
def photographs(shared_data: Path) -> list[Pixels]:
    """Sixteen photographs, of one width and of one height."""
    found = sorted((shared_data / "wider" / "images").rglob("*.jpg"))[::13]
    return [np.asarray(cv2.imread(str(path)), np.uint8)[:600, :1000] for path in found[:16]]


def masked(pixels: Pixels, finder: OnnxDetector, *, wraps: bool = False, least: float = 0) -> list[Box]:
    """Return the boxes that are masked, of those with at least this confidence."""
    selection = finding.find_to_mask(DecodedImage(np.ascontiguousarray(pixels), wraps=wraps), DEFAULTS, finder)
    return [face.box for face in selection.detections.faces if face.confidence >= least]


def held(box: Box, masks: list[Box]) -> bool:
    """Return whether the centre of a box lies in a mask."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(left <= x <= right and top <= y <= bottom for left, top, right, bottom in masks)


def large(boxes: list[Box], least: float) -> list[Box]:
    return [box for box in boxes if max(box[2] - box[0], box[3] - box[1]) >= least]


@pytest.mark.parametrize("across", [True, False], ids=["panorama", "long page"])
def test_strip_is_seen_like_its_photographs(finder: OnnxDetector, photographs: list[Pixels], across: bool) -> None:
    height, width = 600, 1000
    same = [np.asarray(cv2.resize(one, (width, height)), np.uint8) for one in photographs]
    strip = masked(np.hstack(same) if across else np.vstack(same), finder)
    wanted: list[Box] = []
    for number, one in enumerate(same):
        x, y = (number * width, 0) if across else (0, number * height)
        for left, top, right, bottom in large(masked(one, finder, least=0.5), 32):
            wanted.append((left + x, top + y, right + x, bottom + y))
    assert len(wanted) > 30
    assert sum(held(box, strip) for box in wanted) >= 0.95 * len(wanted)


def test_face_on_the_seam_is_masked_on_both_sides(finder: OnnxDetector) -> None:
    portrait = cv2.cvtColor(pictures.astronaut(), cv2.COLOR_RGB2BGR)
    scene = np.full((2048, 4096, 3), 90, np.uint8)
    scene[800:1312, 1000:1512] = portrait
    (face,) = masked(scene, finder)
    middle = round((face[0] + face[2]) / 2)
    turned = masked(np.roll(scene, -middle, axis=1), finder, wraps=True)
    assert any(box[2] > 4090 for box in turned) and any(box[0] < 6 for box in turned)


def test_long_screenshot_shows_all_its_faces(finder: OnnxDetector, shared_data: Path) -> None:
    data = (shared_data / "cases" / "long-screenshot-480x2583-37faces.jpg").read_bytes()
    report = pipeline.mask(data, DEFAULTS, finder, pictures.MANY).report
    assert len(report.detection.detections.faces) >= 37
    assert report.verification and report.verification.residual_faces == 0


@pytest.mark.parametrize("method", get_args(Method))
@pytest.mark.parametrize("detail", ["fast", "balanced"])
def test_reflection_is_masked_by_every_method(
    finder: OnnxDetector, shared_data: Path, method: Method, detail: str
) -> None:
    data = (shared_data / "formats" / "phone-orient6-gps-2faces.jpg").read_bytes()
    options = DEFAULTS.model_copy(update={"method": method, "detail": detail, "verify": detail == "balanced"})
    assert len(pipeline.mask(data, options, finder, pictures.MANY).report.detection.detections.faces) == 2
