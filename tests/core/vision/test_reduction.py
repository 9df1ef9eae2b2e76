"""Large JPEGs are searched in fewer pixels, and nobody can tell by the report."""

from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core import config
from core.contract.options import Detail, ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.reports import DetectionReport, Detections, Face, PassReport, Timings
from core.errors import UndecodableImage
from core.pictures import images
from core.vision import boxes, finding, pipeline, searches
from core.vision.candidates import Candidates
from core.vision.detector import OnnxDetector
from core.vision.passes import PassResult, View
from core.vision.searches import Search
from tests import detectors, pictures
from tests.core.vision.fakes import KnownFaces

Pixels = NDArray[np.uint8]
BRIGHT = (1200, 560, 1640, 960)  # left, top, right, bottom: multiples of eight
SIZE = (3000, 1800)


class BrightFace(KnownFaces):
    """Finds what is bright, with landmarks in its corners and its middle; remembers the sizes of what it has seen."""

    input_size = 320

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[tuple[int, ...]] = []

    def seen(self, pixels: Pixels) -> list[Face]:
        self.confidences = [0.9]
        self.sizes.append(pixels.shape[1::-1])
        y, x = np.nonzero(pixels[:, :, 0] > 127)
        if not len(x):
            return []
        left, top, right, bottom = (float(edge) for edge in (x.min(), y.min(), x.max() + 1, y.max() + 1))
        marks = (left, top), (right, top), ((left + right) / 2, (top + bottom) / 2), (left, bottom), (right, bottom)
        return [Face(box=(left, top, right, bottom), confidence=0.9, landmarks=marks)]


def photo(orientation: int = 1) -> bytes:
    upright = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    upright[BRIGHT[1] : BRIGHT[3], BRIGHT[0] : BRIGHT[2]] = 255
    stored = pictures.stored(upright, orientation)
    return pictures.file(stored, "jpeg", quality=95, subsampling=0, exif=pictures.exif(orientation))


def detect(data: bytes, finder: Any, detail: Detail) -> DetectionReport:
    return pipeline.detect(data, ResolvedDetectOptions(detail=detail), finder, pictures.MANY)


@pytest.mark.parametrize(("detail", "seen"), [("fast", (375, 225)), ("balanced", SIZE), ("thorough", SIZE)])
def test_detect_decodes_what_its_search_needs(detail: Detail, seen: tuple[int, int]) -> None:
    finder = BrightFace()
    detect(photo(), finder, detail)
    assert finder.sizes == [seen]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_report_is_about_the_whole_picture(orientation: int) -> None:
    report = detect(photo(orientation), BrightFace(), "fast")
    assert (report.width, report.height, report.channels) == (*SIZE, 3)
    (face,) = report.detections.faces
    assert face.box == pytest.approx(BRIGHT, abs=4)
    assert face.landmarks is not None
    assert np.array(face.landmarks[:1]) == pytest.approx(np.array([BRIGHT[:2]]), abs=4)
    assert np.array(face.landmarks[4:]) == pytest.approx(np.array([BRIGHT[2:]]), abs=4)
    assert report.detections.det_scale == 320 / 3000


def test_box_stays_inside_the_picture() -> None:
    """The last column of blocks reaches three pixels over the edge."""
    data = pictures.file(np.full((1205, 2405, 3), 255, np.uint8), "jpeg", exif=pictures.exif(3))
    (face,) = detect(data, BrightFace(), "fast").detections.faces
    assert face.box == (0, 0, 2405, 1205)


@pytest.mark.parametrize("detail", ["fast", "balanced", "thorough"])
def test_masking_sees_every_pixel(detail: Detail) -> None:
    finder = BrightFace()
    pipeline.mask(photo(), ResolvedMaskOptions(detail=detail, method="solid"), finder, pictures.MANY)
    assert set(finder.sizes) == {SIZE}


def test_cut_picture_is_not_searched() -> None:
    data, finder = photo(), BrightFace()
    for share in (0.5, 0.9, 0.999):
        cut = data[: int(len(data) * share)]
        for end in (b"", b"\xff\xd9"):
            with pytest.raises(UndecodableImage):
                detect(cut + end, finder, "fast")
    assert not finder.sizes


# --- what suffices -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [320, 448, 640, 1280])
def test_what_suffices_is_no_less_than_any_input(size: int) -> None:
    views: list[View] = []

    def run(view: View) -> PassResult:
        views.append(view)
        nothing = Candidates(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), None)
        report = PassReport(name=view.name, input_size=(size, size), inference_ms=1, candidates=0)
        return PassResult(view, nothing, 1, Timings(), report)

    Search("fast", size, gflops=1, min_face=22).run(run, 6000, 4000)
    suffices = searches.sufficient_side("fast", size)
    assert suffices is not None and suffices >= max(view.size for view in views)
    assert all(view.area is None for view in views)


@pytest.mark.parametrize("detail", ["balanced", "thorough"])
def test_closer_search_needs_every_pixel(detail: Detail) -> None:
    assert searches.sufficient_side(detail, 640) is None


# --- with the model at hand ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(model: tuple[str, Path]) -> OnnxDetector:
    name, folder = model
    return detectors.load(config.read(model=name, weights_dir=folder, inference_threads=1))


@pytest.fixture(scope="module")
def crowd() -> bytes:
    """Both portraits, four times, of 24 megapixels together."""
    two = np.hstack([pictures.astronaut(), pictures.grace_hopper()[:512]])
    large = cv2.resize(np.vstack([np.hstack([two, two[:, ::-1]]), np.hstack([two[:, ::-1], two])]), (6000, 3000))
    return pictures.file(np.asarray(cv2.copyMakeBorder(large, 0, 1000, 0, 0, cv2.BORDER_CONSTANT), np.uint8), "jpeg")


@pytest.mark.parametrize("detail", ["fast", "balanced"])
def test_boxes_are_those_of_all_pixels(found: OnnxDetector, crowd: bytes, detail: Detail) -> None:
    options = ResolvedDetectOptions(detail=detail)
    look = partial(finding.find, options=options, detector=found)
    whole: Detections = look(images.decode(crowd, pictures.MANY))
    report = detect(crowd, found, detail)
    reduced = report.detections
    assert len(whole.faces) == len(reduced.faces) >= 7
    overlaps = [
        boxes.iou(np.array(face.box, np.float32), np.array([one.box for one in whole.faces], np.float32)).max()
        for face in reduced.faces
    ]
    assert min(overlaps) > 0.9
    assert (reduced.input_size, reduced.det_scale) == (whole.input_size, whole.det_scale)
    assert [one.input_size for one in reduced.passes] == [one.input_size for one in whole.passes]
