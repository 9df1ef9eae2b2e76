"""The pipeline with a detector whose faces are known: what is covered, what stays, what is reported."""

from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from core.contract.options import Detail, ManualMaskOptions, Method, ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.reports import Detections, Face, PassReport
from core.errors import UndecodableImage
from core.vision import pipeline, regions
from tests.core.vision.fakes import MAX_PIXELS, KnownFaces, Pixels, noise, png, unpacked

BOX = (20.0, 10.0, 40.0, 30.0)
OTHER = (50.0, 10.0, 70.0, 30.0)


def test_detect_reports_upright_picture() -> None:
    report = pipeline.detect(png(noise()), ResolvedDetectOptions(), KnownFaces(BOX), MAX_PIXELS)
    assert (report.width, report.height, report.channels, report.model) == (80, 50, 3, "known")
    assert report.detections.faces[0].box == BOX
    assert report.detections.timings.decode_ms > 0 and report.detections.timings.mask_ms is None


def test_mask_covers_grown_box_only() -> None:
    source = noise()
    options = ResolvedMaskOptions(method="solid", padding=0.1, format="png", verify=False)
    masked = pipeline.mask(png(source), options, KnownFaces(BOX), MAX_PIXELS)
    expected = source.copy()
    expected[8:32, 18:42] = 0
    assert (unpacked(masked.image) == expected).all()
    assert masked.report.regions == 1


class Turning(KnownFaces):
    """Finds nothing, after its passes, by name, have shown so many candidates."""

    def __init__(self, candidates: dict[str, int]) -> None:
        super().__init__()
        self.reports = tuple(
            PassReport(name=name, input_size=(1, 1), inference_ms=0, candidates=count)
            for name, count in candidates.items()
        )

    def find(self, pixels: Pixels, options: ResolvedDetectOptions, *, upright: bool = False) -> Detections:
        return super().find(pixels, options).model_copy(update={"passes": self.reports})


@pytest.mark.parametrize(
    ("candidates", "turned"),
    [({"main": 3}, False), ({"main": 3, "main_rotated_90": 0}, False), ({"main": 3, "main_rotated_90": 1}, True)],
)
def test_masks_are_verified_in_the_orientations_that_showed_something(candidates: dict[str, int], turned: bool) -> None:
    detector = Turning(candidates)
    pipeline.mask(png(noise()), ResolvedMaskOptions(), detector, MAX_PIXELS)
    assert [one.any_orientation for one in detector.verified] == [turned]


def test_mask_without_faces_keeps_pixels() -> None:
    source = noise()
    masked = pipeline.mask(png(source), ResolvedMaskOptions(format="png"), KnownFaces(), MAX_PIXELS)
    assert (unpacked(masked.image) == source).all()
    assert masked.report.regions == 0


def test_mask_is_opaque_on_transparency() -> None:
    source = noise(4)
    source[..., 3] = 100
    source[:, 30:, 3] = 0
    options = ResolvedMaskOptions(method="solid", padding=0, format="png", verify=False)
    result = unpacked(pipeline.mask(png(source), options, KnownFaces(BOX), MAX_PIXELS).image)
    inside = result[10:30, 20:40]
    assert (inside[..., 3] == 255).all() and (inside[..., :3] == 0).all()
    assert (result[:10, :30] == source[:10, :30]).all()


def test_transparent_pixels_keep_no_colour() -> None:
    source = noise(4)
    source[..., 3] = 255
    source[5:20, 5:20, 3] = 0
    result = unpacked(pipeline.mask(png(source), ResolvedMaskOptions(format="png"), KnownFaces(), MAX_PIXELS).image)
    assert (result[5:20, 5:20] == 0).all()


def test_face_hidden_by_alpha_is_found() -> None:
    source = np.full((50, 80, 4), 90, np.uint8)
    source[..., 3] = 10
    darker = KnownFaces(BOX, where=lambda pixels: pixels.mean() < 128)
    report = pipeline.detect(png(source), ResolvedDetectOptions(), darker, MAX_PIXELS)
    assert len(report.detections.faces) == 1 and report.channels == 4


def test_face_drawn_in_alpha_is_found() -> None:
    source = np.zeros((50, 80, 4), np.uint8)
    source[..., 3] = 10
    brighter = KnownFaces(BOX, where=lambda pixels: pixels.mean() > 128)
    report = pipeline.detect(png(source), ResolvedDetectOptions(), brighter, MAX_PIXELS)
    assert len(report.detections.faces) == 1


def test_face_seen_twice_counts_once() -> None:
    source = noise(4)
    report = pipeline.detect(png(source), ResolvedDetectOptions(), KnownFaces(BOX), MAX_PIXELS)
    assert len(report.detections.faces) == 1
    assert report.detections.candidates_before_nms == 2


@pytest.mark.parametrize(
    ("detail", "looks"),
    [("fast", ["fast"] * 2), ("balanced", ["balanced"] * 2), ("thorough", ["thorough", "balanced"])],
)
def test_partly_transparent_picture_is_searched_in_time(detail: Detail, looks: list[str]) -> None:
    detector = KnownFaces(BOX)
    pipeline.detect(png(noise(4)), ResolvedDetectOptions(detail=detail), detector, MAX_PIXELS)
    assert [options.detail for options in detector.asked] == looks


def test_cut_picture_is_never_masked() -> None:
    data = png(noise())
    with pytest.raises(UndecodableImage):
        pipeline.mask(data[: len(data) // 2], ResolvedMaskOptions(), KnownFaces(), MAX_PIXELS)


def test_failing_detector_gives_no_picture() -> None:
    class Broken(KnownFaces):
        def find(
            self, pixels: NDArray[np.uint8], options: ResolvedDetectOptions, *, upright: bool = False
        ) -> Detections:
            raise RuntimeError("no memory")

    with pytest.raises(RuntimeError):
        pipeline.mask(png(noise()), ResolvedMaskOptions(), Broken(), MAX_PIXELS)


@pytest.mark.parametrize("detail", ["fast", "balanced", "thorough"])
def test_doubtful_faces_are_masked_too(detail: Detail) -> None:
    detector = KnownFaces(BOX, OTHER, confidences=[0.9, 0.3])
    options = ResolvedMaskOptions(method="solid", padding=0, format="png", detail=detail, doubtful="mask", verify=False)
    masked = pipeline.mask(png(noise()), options, detector, MAX_PIXELS)
    assert [face.review for face in masked.report.detection.detections.faces] == [False, True]
    assert not unpacked(masked.image)[10:30, 50:70].any()


@pytest.mark.parametrize(
    "options",
    [{"doubtful": "leave"}, {"doubtful": "leave", "review_confidence": 0.1}, {"review_confidence": 0.4}],
    ids=["left", "left in spite of a limit", "below the limit"],
)
def test_less_sure_faces_stay_visible(options: dict[str, object]) -> None:
    detector = KnownFaces(BOX, OTHER, confidences=[0.9, 0.3])
    wanted = ResolvedMaskOptions.model_validate({"verify": False, "format": "png", "doubtful": "mask"} | options)
    masked = pipeline.mask(png(noise()), wanted, detector, MAX_PIXELS)
    assert len(masked.report.detection.detections.faces) == 1


def test_review_confidence_above_confidence_has_no_effect() -> None:
    detector = KnownFaces(BOX, OTHER, confidences=[0.9, 0.3])
    options = ResolvedMaskOptions(doubtful="mask", confidence=0.3, review_confidence=0.8, verify=False)
    faces = pipeline.mask(png(noise()), options, detector, MAX_PIXELS).report.detection.detections.faces
    assert [face.review for face in faces] == [False, False]


def test_max_faces_counts_less_sure_faces_last() -> None:
    detector = KnownFaces(BOX, OTHER, (0, 32, 15, 48), confidences=[0.9, 0.4, 0.3])
    options = ResolvedMaskOptions(method="solid", doubtful="mask", max_faces=2, format="png", verify=False)
    masked = pipeline.mask(png(noise()), options, detector, MAX_PIXELS)
    assert [face.confidence for face in masked.report.detection.detections.faces] == [0.9, 0.4]
    assert unpacked(masked.image)[32:48, :15].any()


def test_detect_marks_nothing_for_review() -> None:
    options = ResolvedDetectOptions(detail="thorough")
    report = pipeline.detect(png(noise()), options, KnownFaces(BOX, confidences=[0.6]), MAX_PIXELS)
    assert not report.detections.faces[0].review


@pytest.mark.parametrize("method", get_args(Method))
def test_smallest_face_is_masked(method: Method) -> None:
    source = noise()
    options = ResolvedMaskOptions(method=method, strength=1, padding=0, format="png", verify=False)
    result = unpacked(pipeline.mask(png(source), options, KnownFaces((20, 10, 25, 15)), MAX_PIXELS).image)
    assert (result[10:15, 20:25] != source[10:15, 20:25]).any(axis=2).mean() > 0.9


def test_effective_strength_is_largest() -> None:
    options = ResolvedMaskOptions(method="pixelate", strength=1, padding=0, verify=False)
    masked = pipeline.mask(png(noise()), options, KnownFaces((0, 0, 80, 20), BOX), MAX_PIXELS)
    assert masked.report.effective_strength == -(-80 // regions.MAX_CELLS)


def test_effective_strength_without_faces() -> None:
    masked = pipeline.mask(png(noise()), ResolvedMaskOptions(method="pixelate", strength=30), KnownFaces(), MAX_PIXELS)
    assert masked.report.effective_strength == 30


def marked(*faces: tuple[float, float, float, float], confidence: float = 1.0, **appearance: Any) -> ManualMaskOptions:
    given = tuple(Face(box=box, confidence=confidence) for box in faces)
    return ManualMaskOptions.model_validate({"padding": 0, "format": "png", "faces": given} | appearance)


def test_manual_mask_covers_marked_faces_only() -> None:
    source = noise()
    masked = pipeline.mask_manually(png(source), marked(BOX, OTHER, method="solid", padding=0.1), MAX_PIXELS)
    expected = source.copy()
    expected[8:32, 18:42] = expected[8:32, 48:72] = 0
    assert (unpacked(masked.image) == expected).all()
    assert (masked.report.regions, masked.report.verification) == (2, None)


def test_manual_mask_reports_no_search() -> None:
    options = marked(BOX, OTHER, BOX, confidence=0.001)
    report = pipeline.mask_manually(png(noise()), options, MAX_PIXELS).report.detection
    assert (report.model, report.detections.passes, len(report.detections.faces)) == ("by hand", (), 3)
    timings = report.detections.timings
    assert timings.inference_ms == 0 and timings.verify_ms is None
    assert min(timings.decode_ms, timings.mask_ms or 0, timings.encode_ms or 0) > 0


@pytest.mark.parametrize("method", get_args(Method))
def test_manual_mask_is_as_strong_as_any(method: Method) -> None:
    source = png(noise())
    appearance: dict[str, Any] = {"method": method, "strength": 1, "padding": 0, "format": "png"}
    searched = ResolvedMaskOptions.model_validate({"detail": "fast", "verify": False} | appearance)
    found = pipeline.mask(source, searched, KnownFaces(BOX, OTHER, confidences=[1, 1]), MAX_PIXELS)
    manual = pipeline.mask_manually(source, marked(BOX, OTHER, **appearance), MAX_PIXELS)
    assert manual.image == found.image
    assert manual.report.effective_strength == found.report.effective_strength


def test_manual_mask_covers_what_alpha_hides() -> None:
    source = noise(4)
    source[..., 3] = 100
    result = unpacked(pipeline.mask_manually(png(source), marked(BOX, method="solid"), MAX_PIXELS).image)
    assert (result[10:30, 20:40] == (0, 0, 0, 255)).all()
    assert (result[10:30, :20] == source[10:30, :20]).all()
