"""The detector on real faces, with the model at hand."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from core import config
from core.contract.options import Detail, ResolvedDetectOptions
from core.vision import detector
from core.vision.detector import OnnxDetector
from core.vision.passes import View, letterbox
from tests import detectors

Pixels = NDArray[np.uint8]
# Where the astronaut's face is, in the picture of 512 x 512.
FACE = (182, 60, 268, 176)
DETAILS: tuple[Detail, ...] = get_args(Detail)


@pytest.fixture(scope="module")
def found(model: tuple[str, Path]) -> OnnxDetector:
    name, folder = model
    return detectors.load(config.read(model=name, weights_dir=folder, inference_threads=1))


@pytest.fixture(scope="module")
def astronaut() -> Pixels:
    return np.asarray(cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR), np.uint8)


def overlap(box: tuple[float, ...], other: tuple[float, ...]) -> float:
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    both = max(0, width) * max(0, height)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, other)]
    return both / (sum(areas) - both)


def test_portrait_has_one_face(found: OnnxDetector, astronaut: Pixels) -> None:
    (face,) = found.find(astronaut, ResolvedDetectOptions()).faces
    assert overlap(face.box, FACE) > 0.6


def test_landmarks_are_where_they_belong(found: OnnxDetector, astronaut: Pixels) -> None:
    (face,) = found.find(astronaut, ResolvedDetectOptions()).faces
    assert found.supports_landmarks and face.landmarks is not None
    left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_eye[1] < nose[1] < left_mouth[1]
    assert left_mouth[0] < right_mouth[0]


@pytest.mark.parametrize("scale", [0.5, 1.7, 4.0])
def test_boxes_follow_the_scale(found: OnnxDetector, astronaut: Pixels, scale: float) -> None:
    larger = cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    (face,) = found.find(np.asarray(larger, np.uint8), ResolvedDetectOptions()).faces
    assert overlap(tuple(edge / scale for edge in face.box), FACE) > 0.6


@pytest.mark.parametrize(("width", "height"), [(900, 512), (512, 900), (1201, 523)])
def test_boxes_survive_letterbox(found: OnnxDetector, astronaut: Pixels, width: int, height: int) -> None:
    canvas = np.full((height, width, 3), 128, np.uint8)
    canvas[-512:, -512:] = astronaut
    (face,) = found.find(canvas, ResolvedDetectOptions()).faces
    shift = (width - 512, height - 512) * 2
    assert overlap(face.box, tuple(edge + by for edge, by in zip(FACE, shift, strict=True))) > 0.6


@pytest.mark.parametrize("detail", DETAILS)
@pytest.mark.parametrize("margin", [2, 10, 25])
def test_face_that_fills_frame_is_found(found: OnnxDetector, astronaut: Pixels, margin: int, detail: Detail) -> None:
    left, top, right, bottom = FACE
    crop = astronaut[top - margin : bottom + margin, left - margin : right + margin]
    large = cv2.resize(crop, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)
    (face,) = found.find(np.asarray(large, np.uint8), ResolvedDetectOptions(detail=detail)).faces
    expected = np.array([margin, margin, right - left + margin, bottom - top + margin]) * 6
    assert overlap(face.box, tuple(expected)) > 0.6


@pytest.mark.slow
@pytest.mark.parametrize("rot90", [1, 2, 3])
def test_thorough_finds_turned_faces(found: OnnxDetector, astronaut: Pixels, rot90: int) -> None:
    turned = np.ascontiguousarray(np.rot90(astronaut[:, :400], rot90))
    (face,) = found.find(turned, ResolvedDetectOptions(detail="thorough")).faces
    mark = np.zeros(astronaut.shape[:2], bool)
    mark[FACE[1] : FACE[3], FACE[0] : FACE[2]] = True
    rows, columns = np.nonzero(np.rot90(mark[:, :400], rot90))
    assert overlap(face.box, (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)) > 0.6


@pytest.mark.slow
def test_thorough_finds_small_faces_in_large_pictures(found: OnnxDetector, astronaut: Pixels) -> None:
    small = cv2.resize(astronaut, (128, 128), interpolation=cv2.INTER_AREA)
    large = np.full((2000, 3000, 3), 128, np.uint8)
    places = [(0, 0), (1301, 77), (2872, 1872), (1499, 999), (40, 1790)]
    for x, y in places:
        large[y : y + 128, x : x + 128] = small
    assert len(found.find(np.asarray(large, np.uint8), ResolvedDetectOptions(detail="fast")).faces) < len(places)
    faces = found.find(np.asarray(large, np.uint8), ResolvedDetectOptions(detail="thorough")).faces
    expected = [tuple(edge / 4 + by for edge, by in zip(FACE, (x, y) * 2, strict=True)) for x, y in places]
    assert all(max(overlap(face.box, one) for face in faces) > 0.5 for one in expected)
    # A coarse pass can show the head around a face as one more.
    assert all(max(overlap(face.box, one) for one in expected) > 0.25 for face in faces)


@pytest.mark.parametrize("detail", DETAILS)
def test_scores_do_not_depend_on_what_is_asked(found: OnnxDetector, astronaut: Pixels, detail: Detail) -> None:
    pair = np.hstack([astronaut, cv2.GaussianBlur(astronaut, (31, 31), 0)])
    every = found.find(pair, ResolvedDetectOptions(confidence=0.1, detail=detail)).faces
    sure = found.find(pair, ResolvedDetectOptions(confidence=0.5, detail=detail)).faces
    assert sure == tuple(face for face in every if face.confidence >= 0.5)


@pytest.mark.slow
def test_timings_are_sums_over_the_passes(found: OnnxDetector, astronaut: Pixels) -> None:
    result = found.find(astronaut, ResolvedDetectOptions(detail="thorough"))
    assert len(result.passes) > 5
    assert result.timings.inference_ms == pytest.approx(sum(one.inference_ms for one in result.passes))
    assert result.candidates_before_nms == sum(one.candidates for one in result.passes)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (31, 33), (640, 640)])
def test_any_shape_is_searched(found: OnnxDetector, shape: tuple[int, int]) -> None:
    blank = np.zeros((*shape, 3), np.uint8)
    result = found.find(blank, ResolvedDetectOptions())
    assert result.faces == ()
    assert all(side % 32 == 0 and side <= 640 for side in result.input_size)


def test_most_confident_faces_are_kept(found: OnnxDetector, astronaut: Pixels) -> None:
    three = np.hstack([astronaut, astronaut[::2, ::2].repeat(2, 0), astronaut[:, ::-1]])
    every = found.find(three, ResolvedDetectOptions(confidence=0.3)).faces
    best = found.find(three, ResolvedDetectOptions(confidence=0.3, max_faces=2)).faces
    assert len(every) >= 2
    assert [face.confidence for face in every] == sorted((face.confidence for face in every), reverse=True)
    assert best == every[:2]


def test_boxes_stay_inside_picture(found: OnnxDetector, astronaut: Pixels) -> None:
    cut = astronaut[80:, 225:]
    for face in found.find(cut, ResolvedDetectOptions(confidence=0.1)).faces:
        assert 0 <= face.box[0] < face.box[2] <= cut.shape[1]
        assert 0 <= face.box[1] < face.box[3] <= cut.shape[0]


def test_counters_tell_what_ran(found: OnnxDetector, astronaut: Pixels) -> None:
    result = found.find(astronaut[:256], ResolvedDetectOptions())
    assert result.input_size == (640, 320)
    assert result.det_scale == 1.25
    assert result.candidates_before_nms >= result.candidates_after_nms == len(result.faces)
    assert result.timings.inference_ms > 0 and result.timings.nms_ms > 0


def test_letterbox_keeps_aspect_at_top_left() -> None:
    white = np.full((100, 300, 3), 255, np.uint8)
    canvas, inner = letterbox(white, View("main", 640))
    assert inner == (640, 213) and canvas.shape == (224, 640, 3)
    assert (canvas[:213] == 255).all() and (canvas[213:] == 0).all()


def test_threads_share_the_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.system.cpus.available", lambda: 8)
    assert detector.threads(config.read()) == 1
    assert detector.threads(config.read(worker_processes=3)) == 2
    assert detector.threads(config.read(inference_threads=5)) == 5


def test_runtime_reports_to_nobody(tmp_path: Path) -> None:
    code = "import core.vision.runtimes.onnx_runtime"
    environment = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(config.ROOT)}
    subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, check=True)
    assert not list(tmp_path.rglob("*"))
