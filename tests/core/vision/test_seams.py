"""360° panoramas: a face that the left and right edge cut is masked on both sides."""

from dataclasses import replace

import numpy as np
import pytest

from core.contract.options import Detail, ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.reports import Box
from core.pictures import images, metadata
from core.records import outcomes
from core.vision import finding, pipeline
from core.vision.detector import Surroundings
from tests import pictures
from tests.core.vision.fakes import MAX_PIXELS, KnownFaces, Pixels, VisibleFaces, png, unpacked

WIDTH, HEIGHT = 200, 100
ACROSS: Box = (190, 40, 215, 70)  # on the picture that is continued
GPANO = b'<x:xmpmeta><rdf:Description GPano:ProjectionType="equirectangular"/></x:xmpmeta>'


def panorama() -> Pixels:
    return np.full((HEIGHT, WIDTH, 3), 200, np.uint8)


def jpeg(xmp: bytes = GPANO) -> bytes:
    return pictures.file(panorama(), "jpeg", xmp=xmp)


@pytest.mark.parametrize("detail", ["balanced", "thorough"])
def test_face_across_the_seam_is_masked_on_both_sides(detail: Detail) -> None:
    options = ResolvedMaskOptions(method="solid", padding=0, format="png", detail=detail, verify=False)
    masked = pipeline.mask(jpeg(), options, KnownFaces(ACROSS), MAX_PIXELS)
    assert [face.box for face in masked.report.detection.detections.faces] == [(190, 40, 200, 70), (0, 40, 15, 70)]
    result = unpacked(masked.image)
    assert not result[40:70, 190:].any() and not result[40:70, :15].any()
    assert result[40:70, 20:180].all()


def test_part_of_a_face_grows_like_the_whole() -> None:
    options = ResolvedMaskOptions(method="solid", padding=0.2, format="png", detail="balanced", verify=False)
    masked = pipeline.mask(jpeg(), options, KnownFaces((196, 40, 221, 70)), MAX_PIXELS)
    hidden = ~unpacked(masked.image)[50].any(axis=1)
    assert hidden[191:].all() and hidden[:26].all() and not hidden[26:191].any()


def test_number_of_faces_counts_both_parts_as_one() -> None:
    options = ResolvedMaskOptions(method="solid", padding=0, format="png", detail="balanced", max_faces=1, verify=False)
    result = unpacked(pipeline.mask(jpeg(), options, KnownFaces(ACROSS, (80, 10, 110, 40)), MAX_PIXELS).image)
    assert not result[40:70, 190:].any() and not result[40:70, :15].any() and result[10:40, 80:110].all()


def test_face_across_the_seam_counts_once() -> None:
    options = ResolvedMaskOptions(method="solid", format="png", detail="balanced", verify=False)
    result = pipeline.mask(jpeg(), options, KnownFaces(ACROSS, (80, 10, 110, 40)), MAX_PIXELS)
    assert (result.report.detection.detections.face_count, result.report.regions) == (2, 3)
    assert outcomes.masked(result, options, 0.0).values["face_count"] == 2


def test_number_of_faces_counts_a_cut_face_before_others_once() -> None:
    options = ResolvedDetectOptions(detail="balanced", max_faces=2)
    others = ((80, 10, 110, 40), (20, 40, 60, 80))
    report = pipeline.detect(jpeg(), options, KnownFaces(ACROSS, *others), MAX_PIXELS)
    assert [face.box for face in report.detections.faces] == [(190, 40, 200, 70), (0, 40, 15, 70), others[0]]


def test_doubtful_face_across_the_seam_counts_once() -> None:
    options = ResolvedMaskOptions(
        detail="balanced", confidence=0.95, doubtful="mask", review_confidence=0.5, verify=False
    )
    report = pipeline.mask(jpeg(), options, KnownFaces(ACROSS), MAX_PIXELS).report
    assert report.detection.detections.doubtful == 1
    assert len(report.detection.detections.faces) == 2


def test_verification_sees_across_the_seam() -> None:
    options = ResolvedMaskOptions(method="solid", format="png", detail="balanced")
    detector = KnownFaces(ACROSS, where=lambda pixels: bool(pixels[45:65, 195:205].any()))
    assert pipeline.mask(jpeg(), options, detector, MAX_PIXELS).report.verification
    assert [shape[1] for shape in detector.shapes] == [WIDTH + HEIGHT // 4] * 2


def test_faces_that_lie_are_looked_for_across_the_seam() -> None:
    options = ResolvedMaskOptions(method="solid", detail="balanced")
    turned = replace(images.decode(jpeg(), MAX_PIXELS), doubtful_orientation=3)
    detector = VisibleFaces()
    assert not finding.find_around(turned, Surroundings((), options), detector)
    assert [one.any_orientation for one in detector.verified] == [True]


def test_face_behind_the_seam_is_told_once() -> None:
    options = ResolvedDetectOptions(detail="balanced")
    report = pipeline.detect(jpeg(), options, KnownFaces((2, 40, 22, 70), (202, 40, 222, 70)), MAX_PIXELS)
    assert [face.box for face in report.detections.faces] == [(2, 40, 22, 70)]


def test_fast_search_and_plain_pictures_are_not_continued() -> None:
    for data, detail in ((jpeg(), "fast"), (jpeg(b"<x:xmpmeta/>"), "balanced")):
        detector = KnownFaces(where=lambda pixels: pixels.shape[1] == WIDTH)
        pipeline.detect(data, ResolvedDetectOptions.model_validate({"detail": detail}), detector, MAX_PIXELS)
        assert detector.asked and images.decode(data, MAX_PIXELS).wraps == (data == jpeg())


@pytest.mark.parametrize(
    ("text", "size", "wraps"),
    [
        (b"<GPano:ProjectionType>equirectangular</GPano:ProjectionType>", (640, 480), True),
        (b"GPano:ProjectionType='equirectangular'", (640, 480), True),
        (b'GPano:ProjectionType="cylindrical"', (640, 480), False),
        (b"", (4096, 2048), True),
        (b"", (4096, 2049), False),
        (b"", (4094, 2047), False),
    ],
)
def test_panoramas_are_known_by_metadata_or_shape(text: bytes, size: tuple[int, int], wraps: bool) -> None:
    assert metadata.is_equirectangular(text, *size) == wraps


def test_png_panorama_is_known_by_its_shape() -> None:
    assert images.decode(png(np.zeros((2048, 4096, 3), np.uint8)), 10**7).wraps
