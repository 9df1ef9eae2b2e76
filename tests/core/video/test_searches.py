"""Searching frames: what each face counts for, and which are left out."""

import numpy as np

from core.contract.options import ResolvedMaskOptions
from core.contract.region_options import RequestedRegion
from core.contract.reports import Box
from core.video.searches import LYING_S, FrameSearch
from core.video.tracking.faces import FrameFaces
from tests.core.vision.fakes import KnownFaces

IMAGE = np.zeros((90, 160, 3), np.uint8)
BOXES: list[Box] = [(10 * number, 10, 10 * number + 8, 20) for number in range(4)]
# By the fake's limits: sure, likely, weak, and less than that.
CONFIDENCES = (0.9, 0.3, 0.22, 0.1)


def searched(options: ResolvedMaskOptions) -> FrameFaces:
    return FrameSearch(options, KnownFaces(*BOXES, confidences=CONFIDENCES)).search(IMAGE, (7, 0.28))


def test_faces_count_as_sure_likely_or_weak() -> None:
    found = searched(ResolvedMaskOptions(doubtful="mask"))
    assert (found.frame, found.time_s) == (7, 0.28)
    assert found.boxes.tolist() == [list(box) for box in BOXES[:3]]
    assert found.sure.tolist() == [True, False, False]
    assert found.masked is not None and found.masked.tolist() == [True, True, False]


def test_likely_faces_are_weak_where_doubtful_ones_are_left() -> None:
    found = searched(ResolvedMaskOptions(doubtful="leave"))
    assert found.masked is not None and found.masked.tolist() == [True, False, False]


def test_kept_faces_are_left_out() -> None:
    keep = (RequestedRegion(x1=0, y1=0, x2=9, y2=30),)
    found = searched(ResolvedMaskOptions(doubtful="mask", keep_regions=keep))
    assert found.boxes.tolist() == [list(box) for box in BOXES[1:3]]


def test_number_of_faces_is_not_limited() -> None:
    assert len(searched(ResolvedMaskOptions(doubtful="mask", max_faces=1)).scores) == 3


def test_frame_without_faces_has_none() -> None:
    found = FrameSearch(ResolvedMaskOptions(), KnownFaces()).search(IMAGE, (0, 0.0))
    assert found.boxes.shape == (0, 4) and len(found.ranks) == 0


def test_faces_that_lie_are_looked_for_now_and_then_and_while_there_are_any() -> None:
    detector = KnownFaces(BOXES[0], where=lambda pixels: bool(pixels.any()))
    frames = FrameSearch(ResolvedMaskOptions(), detector)
    empty, shown = IMAGE, np.ones_like(IMAGE)
    step = LYING_S / 2.7
    for number, image in enumerate([empty, empty, shown, empty, shown, shown, empty, empty]):
        frames.search(image, (number, number * step))
    assert detector.upright == [False, True, True, False, True, True, False, True]
    for number, image in enumerate([shown, shown, empty, empty], 9):
        frames.search(image, (number, number * step))
    assert detector.upright[8:] == [False, False, False, True]
