"""Regions that a caller names: always masked, or where faces are left."""

import math
from typing import Any, get_args

import numpy as np
import pytest

from core.contract import region_options
from core.contract.options import ManualMaskOptions, Method, ResolvedMaskOptions
from core.contract.reports import Box, Face, MaskedImage
from core.errors import InvalidOption, ResidualFace
from core.vision import pipeline
from core.vision.detector import Detector
from tests.core.vision.fakes import MAX_PIXELS, InTurn, KnownFaces, Pixels, VisibleFaces, noise, png, unpacked

FACE: Box = (40, 30, 70, 60)
OTHER: Box = (110, 20, 140, 60)
SOURCE = noise(width=160, height=100)


def region(x1: float, y1: float, x2: float, y2: float, **more: Any) -> dict[str, Any]:
    return {"x1": x1, "y1": y1, "x2": x2, "y2": y2, **more}


def mask(detector: Detector, source: Pixels = SOURCE, **options: Any) -> MaskedImage:
    given = {"format": "png", "verify": True, "padding": 0, "method": "solid"} | options
    return pipeline.mask(png(source), ResolvedMaskOptions.model_validate(given), detector, MAX_PIXELS)


def changed(masked: MaskedImage) -> Any:
    return (unpacked(masked.image) != SOURCE).any(axis=2)


@pytest.mark.parametrize("method", get_args(Method))
def test_region_is_masked_to_its_corners(method: Method) -> None:
    masked = mask(KnownFaces(), method=method, mask_regions=[region(9.6, 20, 40.2, 50)], padding=1, cover="head")
    inside = np.zeros((100, 160), bool)
    inside[20:50, 9:41] = True
    found = changed(masked)
    assert not found[~inside].any() and found[inside].mean() > 0.97
    assert found[20:22, 9:11].any() and found[48:50, 39:41].any()
    assert (masked.report.regions, len(masked.report.detection.detections.faces)) == (1, 0)


def test_region_is_as_strong_as_its_size_needs() -> None:
    large, small = (
        mask(KnownFaces(), method="pixelate", strength=1, mask_regions=[region(0, 0, side, 50)]).report
        for side in (140, 28)
    )
    assert (large.effective_strength, small.effective_strength) == (20, 8)


def test_relative_region_follows_the_picture() -> None:
    masked = mask(KnownFaces(), mask_regions=[region(0.5, 0, 1, 0.25, unit="relative")])
    expected = np.zeros((100, 160), bool)
    expected[:25, 80:] = True
    assert (changed(masked) == expected).all()


def test_thinnest_region_has_a_pixel() -> None:
    # 160 times either of both is 68.
    thin = region(0.425, 0, math.nextafter(0.425, 1), 1, unit="relative")
    assert thin["x1"] * 160 == thin["x2"] * 160 == 68
    assert changed(mask(KnownFaces(), mask_regions=[thin]))[:, 68].all()


def test_region_beyond_the_edge_is_cut() -> None:
    masked = mask(KnownFaces(), mask_regions=[region(-50, 90, 10, 1000)])
    assert changed(masked).sum() == 100


@pytest.mark.parametrize("outside", [region(160, 0, 200, 50), region(0, -20, 50, 0)])
def test_region_outside_gives_no_picture(outside: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption) as caught:
        mask(KnownFaces(FACE), mask_regions=[region(0, 0, 5, 5), outside])
    assert [problem.field for problem in caught.value.problems] == ["mask_regions[1]"]


def test_kept_face_stays_and_is_counted() -> None:
    masked = mask(VisibleFaces(FACE, OTHER), keep_regions=[region(0, 0, 56, 46)])
    found = changed(masked)
    assert not found[:, :100].any() and found[20:60, 110:140].all()
    assert [face.box for face in masked.report.detection.detections.faces] == [OTHER]
    verification = masked.report.verification
    assert verification is not None and (verification.rounds, masked.report.kept_faces) == (0, 1)
    assert [face.box for face in masked.report.uncovered] == [FACE]


def test_doubtful_face_that_is_kept_is_not_uncovered() -> None:
    doubtful = mask(VisibleFaces(FACE, confidences=(0.45,)), keep_regions=[region(0, 0, 56, 46)], doubtful="mask")
    assert (doubtful.report.kept_faces, doubtful.report.uncovered) == (1, ())


def test_face_is_kept_by_its_centre_alone() -> None:
    most = region(0, 0, 54.9, 100)  # more than half of the face, but not its centre, which is at 55, 45
    masked = mask(VisibleFaces(FACE), keep_regions=[most])
    assert changed(masked)[30:60, 40:70].all() and masked.report.kept_faces == 0
    assert mask(VisibleFaces(FACE), keep_regions=[region(55, 45, 56, 46)]).report.kept_faces == 1


def test_face_seen_only_again_is_kept_too() -> None:
    later = VisibleFaces(FACE, OTHER, where=lambda pixels: (pixels[20:60, 110:140] == 0).all())
    masked = mask(later, mask_regions=[region(110, 20, 140, 60)], keep_regions=[region(40, 30, 70, 60)])
    assert not changed(masked)[:, :100].any()


def test_kept_face_may_be_found_a_little_aside() -> None:
    aside = (FACE[0] + 3, *FACE[1:])
    masked = mask(InTurn((FACE, OTHER), (aside,)), keep_regions=[region(54, 44, 56, 46)])
    assert not changed(masked)[:, :100].any()


def test_face_outside_kept_region_still_fails_the_call() -> None:
    with pytest.raises(ResidualFace):
        mask(KnownFaces(FACE, OTHER), keep_regions=[region(0, 0, 80, 100)])


def test_mask_region_wins_over_kept_face() -> None:
    masked = mask(VisibleFaces(FACE), mask_regions=[region(40, 30, 50, 60)], keep_regions=[region(0, 0, 160, 100)])
    expected = np.zeros((100, 160), bool)
    expected[30:60, 40:50] = True
    assert (changed(masked) == expected).all() and masked.report.kept_faces == 1


def test_kept_faces_are_none_of_max_faces() -> None:
    masked = mask(VisibleFaces(FACE, OTHER), keep_regions=[region(0, 0, 80, 100)], max_faces=1)
    assert [face.box for face in masked.report.detection.detections.faces] == [OTHER]


def test_regions_hide_what_alpha_hides() -> None:
    source = noise(4, width=160, height=100)
    source[..., 3] = 100
    result = unpacked(mask(KnownFaces(), source, mask_regions=[region(10, 10, 20, 20)]).image)
    assert (result[10:20, 10:20] == (0, 0, 0, 255)).all()


def test_manual_mask_covers_regions_of_the_call() -> None:
    options = ManualMaskOptions.model_validate(
        {"method": "solid", "format": "png", "mask_regions": [region(0, 0, 30, 30)]}
    )
    masked = pipeline.mask_manually(png(SOURCE), options, MAX_PIXELS)
    assert changed(masked)[:30, :30].all() and masked.report.regions == 1


def test_split_keeps_order() -> None:
    faces = tuple(Face(box=(x, 0, x + 10, 10), confidence=0.9) for x in (0, 20, 40, 60))
    keep = ResolvedMaskOptions.model_validate({"keep_regions": [region(20, 0, 30, 10), region(0.9, 0, 1, 1)]})
    masked, kept = region_options.split(faces, keep.keep_regions, (80, 10))
    assert masked == (faces[0], *faces[2:]) and kept == (faces[1],)
