"""Searching one frame: what each face counts for, and which are left out."""

import numpy as np

from core.contract.options import ResolvedMaskOptions
from core.contract.region_options import RequestedRegion
from core.contract.reports import Box
from core.video import searches
from core.video.tracking.faces import FrameFaces
from tests.core.vision.fakes import KnownFaces

IMAGE = np.zeros((90, 160, 3), np.uint8)
BOXES: list[Box] = [(10 * number, 10, 10 * number + 8, 20) for number in range(4)]
# By the fake's limits: sure, likely, weak, and less than that.
CONFIDENCES = (0.9, 0.3, 0.22, 0.1)


def searched(options: ResolvedMaskOptions) -> FrameFaces:
    return searches.search(IMAGE, (7, 0.28), options, KnownFaces(*BOXES, confidences=CONFIDENCES))


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
    found = searches.search(IMAGE, (0, 0.0), ResolvedMaskOptions(), KnownFaces())
    assert found.boxes.shape == (0, 4) and len(found.ranks) == 0
