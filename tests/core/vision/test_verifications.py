"""Verification: what is still found in the masked picture is masked again, or nothing comes out."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from core.contract.options import Method, ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.reports import Box, Detections, MaskedImage
from core.errors import ResidualFace
from core.pictures import images
from core.vision import pipeline, regions
from core.vision.detector import Detector
from tests.core.vision.fakes import MAX_PIXELS, InTurn, KnownFaces, Pixels, VisibleFaces, noise, png, unpacked

FACE: Box = (40, 30, 70, 60)
OTHER: Box = (110, 20, 140, 60)
SOURCE = noise(width=160, height=100)


def mask(detector: Detector, source: Pixels = SOURCE, **options: Any) -> MaskedImage:
    wanted = ResolvedMaskOptions(**{"format": "png", "verify": True, "padding": 0} | options)
    return pipeline.mask(png(source), wanted, detector, MAX_PIXELS)


@pytest.mark.parametrize("method", ["gaussian", "pixelate", "solid", "elliptical"])
def test_hidden_face_needs_no_round(method: Method) -> None:
    detector = VisibleFaces(FACE)
    verification = mask(detector, method=method).report.verification
    assert verification and (verification.rounds, verification.regions_masked_again) == (0, 0)
    assert verification.residual_faces == 0 and verification.verify_ms > 0
    assert len(detector.asked) == 2


@pytest.mark.parametrize("method", ["gaussian", "pixelate", "solid", "elliptical"])
def test_stubborn_face_fails_the_call(method: Method) -> None:
    with pytest.raises(ResidualFace) as caught:
        mask(KnownFaces(FACE), method=method)
    assert caught.value.code == "residual_face"


def test_second_search_is_as_close_and_sees_all() -> None:
    detector = VisibleFaces(FACE)
    mask(detector, detail="thorough", confidence=0.6, nms_threshold=0.3, max_faces=7)
    look = detector.asked[1]
    assert (look.detail, look.confidence, look.nms_threshold, look.max_faces) == ("thorough", 0.6, 0.3, 0)


def test_second_look_trusts_no_doubtful_face() -> None:
    detector = KnownFaces(FACE, confidences=[0.45])
    masked = mask(detector, confidence=0.01)
    assert detector.asked[1].confidence == 0.5 and masked.report.regions == 1


def test_one_round_masks_more_and_stronger() -> None:
    weak = mask(InTurn((FACE,), ()), method="pixelate", strength=1)
    masked = mask(InTurn((FACE,), (FACE,), ()), method="pixelate", strength=1)
    verification = masked.report.verification
    assert verification and (verification.rounds, verification.regions_masked_again) == (1, 1)
    assert masked.report.effective_strength >= 2 * weak.report.effective_strength
    before, after = ((unpacked(each.image) != SOURCE).any(axis=2) for each in (weak, masked))
    assert (after | ~before).all() and after.sum() > before.sum()


def test_second_round_is_black() -> None:
    masked = mask(InTurn((FACE,), (FACE,), (FACE,), ()), method="gaussian")
    assert masked.report.verification and masked.report.verification.rounds == 2
    assert not unpacked(masked.image)[30:60, 40:70].any()


def test_ellipse_loses_its_corners_when_found_again() -> None:
    once = mask(InTurn((FACE,), (FACE,), ()), method="elliptical")
    changed = (unpacked(once.image) != SOURCE).any(axis=2)
    assert changed[24:66, 34:76].mean() > 0.97


def test_missed_face_is_masked_and_told() -> None:
    masked = mask(InTurn((FACE,), (OTHER,), ()), method="solid")
    assert [face.box for face in masked.report.detection.detections.faces] == [FACE, OTHER]
    assert not unpacked(masked.image)[20:60, 110:140].any()
    assert masked.report.regions == 2


def test_faces_that_show_one_after_the_other_are_all_masked() -> None:
    others: list[tuple[Box, ...]] = [((5 + 40 * n, 5, 25 + 40 * n, 25),) for n in range(4)]
    masked = mask(InTurn((FACE,), *others, ()), method="solid")
    assert masked.report.verification and masked.report.verification.rounds == 4
    assert len(masked.report.detection.detections.faces) == 5


def test_crowd_without_end_fails_the_call() -> None:
    others: list[tuple[Box, ...]] = [((5 + 20 * n, 5, 20 + 20 * n, 20),) for n in range(7)]
    with pytest.raises(ResidualFace):
        mask(InTurn((FACE,), *others), method="solid")


def test_face_that_stays_under_its_mask_is_told_once() -> None:
    masked = mask(InTurn((FACE,), (FACE,), ()))
    assert len(masked.report.detection.detections.faces) == 1


def test_larger_find_over_a_mask_is_not_a_new_face() -> None:
    around: Box = (30, 20, 80, 70)
    masked = mask(InTurn((FACE,), (around,), ()), method="solid")
    assert len(masked.report.detection.detections.faces) == 1
    assert not unpacked(masked.image)[20:70, 30:80].any()


def test_faces_left_visible_do_not_count() -> None:
    masked = mask(VisibleFaces(FACE, OTHER), method="solid", max_faces=1)
    result = unpacked(masked.image)
    assert not result[30:60, 40:70].any() and (result[:, 80:] == SOURCE[:, 80:]).all()
    assert masked.report.verification and masked.report.verification.rounds == 0


def test_face_beyond_max_faces_stays_visible() -> None:
    masked = mask(InTurn((FACE,), (OTHER,)), method="solid", max_faces=1)
    assert (unpacked(masked.image)[:, 80:] == SOURCE[:, 80:]).all()


def test_masked_face_counts_beside_left_ones() -> None:
    with pytest.raises(ResidualFace):
        mask(KnownFaces(FACE, OTHER), max_faces=1)


def test_missed_face_below_max_faces_is_masked() -> None:
    masked = mask(InTurn((FACE,), (OTHER,), ()), method="solid", max_faces=2)
    assert not unpacked(masked.image)[20:60, 110:140].any()


def test_nothing_looks_again_unasked() -> None:
    detector = KnownFaces(FACE)
    masked = mask(detector, verify=False)
    assert masked.report.verification is None and masked.report.detection.detections.timings.verify_ms is None
    assert len(detector.asked) == 1


def test_resolved_options_leave_nothing_open() -> None:
    with pytest.raises(ValidationError):
        ResolvedMaskOptions(verify=None)
    with pytest.raises(ValidationError):
        ResolvedMaskOptions(detail=None)


def test_options_of_old_batches_are_verified() -> None:
    with pytest.raises(ResidualFace):
        mask(KnownFaces(FACE))


def test_failing_second_look_gives_no_picture() -> None:
    class OnlyOnce(KnownFaces):
        def find(self, pixels: Pixels, options: ResolvedDetectOptions, *, upright: bool = False) -> Detections:
            if self.asked:
                raise RuntimeError("no memory")
            return super().find(pixels, options)

    with pytest.raises(RuntimeError):
        mask(OnlyOnce(FACE))


def test_face_in_the_colours_under_alpha_is_found_again() -> None:
    source = np.dstack([SOURCE, np.full(SOURCE.shape[:2], 128, np.uint8)])
    masked = mask(VisibleFaces(FACE), source, method="solid")
    result = unpacked(masked.image)
    assert (result[30:60, 40:70, 3] == 255).all() and not result[30:60, 40:70, :3].any()


def test_weak_mask_is_made_strong_when_verified() -> None:
    options = ResolvedMaskOptions(format="png", method="pixelate", strength=1, padding=0, verify=True)
    masked = pipeline.mask(png(SOURCE), options, VisibleFaces(FACE), MAX_PIXELS, regions.AS_ASKED)
    assert masked.report.verification and masked.report.verification.rounds == 1
    assert masked.report.effective_strength >= 30 / regions.MAX_CELLS


def test_verified_picture_is_decodable() -> None:
    picture = images.decode(mask(InTurn((FACE,), (FACE,), ()), format="jpeg").image, MAX_PIXELS)
    assert picture.pixels.shape == SOURCE.shape
