"""Which doubtful faces are masked: by their size, and by how many sure ones the picture has."""

import pytest

from core.contract.options import ResolvedMaskOptions
from core.contract.reports import Face
from core.vision import doubts
from core.vision.doubts import DoubtLimits
from core.weights import manifest

LIMITS = DoubtLimits((32, 64), few=(0.45, 0.4, 0.3), crowd=(0.35, 0.3, 0.2))


def face(confidence: float, side: float) -> Face:
    return Face(box=(0, 0, side / 2, side), confidence=confidence)


def judged(*faces: Face, **options: object) -> doubts.Judged:
    resolved = ResolvedMaskOptions.model_validate({"doubtful": "mask"} | options)
    return doubts.judge(sorted(faces, key=lambda one: -one.confidence), resolved, LIMITS)


@pytest.mark.parametrize(
    ("side", "confidence", "masked"),
    [(20, 0.45, True), (20, 0.44, False), (32, 0.4, True), (63, 0.39, False), (64, 0.3, True), (900, 0.29, False)],
)
def test_limit_follows_the_size(side: float, confidence: float, masked: bool) -> None:
    assert len(judged(face(confidence, side)).doubtful) == masked


def test_crowd_lowers_the_limits() -> None:
    doubtful = face(0.36, 20)
    few, crowd = [[face(0.9, 20)] * count for count in (doubts.CROWD - 1, doubts.CROWD)]
    assert not judged(*few, doubtful).doubtful
    assert judged(*crowd, doubtful).doubtful == (doubtful.model_copy(update={"review": True}),)


def test_doubtful_faces_stand_after_the_sure_ones() -> None:
    both = judged(face(0.4, 100), face(0.5, 100))
    assert [one.confidence for one in (*both.sure, *both.doubtful)] == [0.5, 0.4]
    assert [one.review for one in (*both.sure, *both.doubtful)] == [False, True]


def test_one_number_replaces_the_limits() -> None:
    found = judged(face(0.21, 20), face(0.19, 900), review_confidence=0.2)
    assert [one.confidence for one in found.doubtful] == [0.21]


@pytest.mark.parametrize("side", [31, 33])
def test_near_miss_is_shown_to_a_person_if_it_is_large_enough(side: float) -> None:
    limit = 0.45 if side < 32 else 0.4
    found = judged(face(limit - 0.01, side), face(limit - 0.06, side))
    assert not found.doubtful
    assert [one.confidence for one in found.near_misses] == ([limit - 0.01] if side > 32 else [])


@pytest.mark.parametrize(("side", "masked"), [(63, [0.3]), (64, [0.44, 0.3])])
def test_boxes_that_agree_count_for_small_faces(side: float, masked: list[float]) -> None:
    alone = face(0.44, side).model_copy(update={"support": 0.25})
    agreed = face(0.3, side).model_copy(update={"support": 4})
    assert [one.confidence for one in judged(alone, agreed).doubtful] == masked


def test_thorough_search_masks_all_from_a_quarter_on() -> None:
    found = judged(face(0.26, 20), face(0.24, 20), detail="thorough")
    assert [one.confidence for one in found.doubtful] == [0.26]


def test_older_batches_mask_what_they_did() -> None:
    older = ResolvedMaskOptions.model_validate({"detail": "thorough", "review_confidence": 0.25})
    assert older.doubtful == "mask" and ResolvedMaskOptions.model_validate({"detail": "balanced"}).doubtful == "leave"


def test_doubtful_faces_are_left_when_told() -> None:
    found = judged(face(0.49, 100), face(0.6, 100), doubtful="leave")
    assert ([one.confidence for one in found.sure], found.doubtful, found.near_misses) == ([0.6], (), ())


def test_search_goes_down_to_what_is_judged() -> None:
    assert doubts.least_confidence(ResolvedMaskOptions(doubtful="mask")) == doubts.LEAST
    assert doubts.least_confidence(ResolvedMaskOptions(doubtful="leave")) == 0.5
    given = ResolvedMaskOptions(doubtful="mask", confidence=0.1, review_confidence=0.4)
    assert doubts.least_confidence(given) == 0.1


def test_limits_of_every_model_fall_with_the_size() -> None:
    for entry in manifest.entries():
        for limits in (entry.doubt_few, entry.doubt_crowd):
            assert len(limits) == len(entry.doubt_sides) + 1
            assert list(limits) == sorted(limits, reverse=True) and 0.05 <= limits[-1] <= limits[0] <= 0.8
