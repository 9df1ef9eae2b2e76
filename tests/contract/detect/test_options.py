"""What each option changes."""

import pytest

from tests.contract import pictures
from tests.contract.calls import detect, detected
from tests.contract.detect.answers import TURNED, Body, corners, is_int
from tests.stack import Stack


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_max_faces_keeps_most_confident(service: Stack, several: Body, limit: int) -> None:
    answer = detected(service, pictures.encoded(pictures.group(3, 2), "PNG"), max_faces=limit)
    assert [corners(found) for found in answer["detections"]] == [
        corners(found) for found in several["detections"][:limit]
    ]
    assert answer["summary"]["face_count"] == limit


@pytest.mark.parametrize("limit", [0, 6, 10_000])
def test_max_faces_may_exceed_faces(service: Stack, limit: int) -> None:
    answer = detected(service, pictures.encoded(pictures.group(3, 2), "PNG"), max_faces=limit)
    assert answer["summary"]["face_count"] == 6


def test_confidence_is_a_lower_bound(service: Stack, several: Body) -> None:
    middle = several["detections"][2]["confidence"]
    answer = detected(service, pictures.encoded(pictures.group(3, 2), "PNG"), confidence=middle)
    assert 2 <= answer["summary"]["face_count"] < 6
    assert all(found["confidence"] >= middle for found in answer["detections"])


def test_low_confidence_finds_no_fewer(service: Stack, several: Body) -> None:
    answer = detected(service, pictures.encoded(pictures.group(3, 2), "PNG"), confidence=0.01)
    assert answer["summary"]["face_count"] >= several["summary"]["face_count"]
    assert answer["profiling"]["candidates_before_nms"] >= several["profiling"]["candidates_before_nms"]


def test_wide_nms_keeps_more(service: Stack, several: Body) -> None:
    answer = detected(service, pictures.encoded(pictures.group(3, 2), "PNG"), nms_threshold=1.0)
    assert answer["summary"]["face_count"] >= several["summary"]["face_count"]


@pytest.mark.parametrize(
    "query",
    [
        {"confidence": "0.01"},
        {"confidence": "1.0"},
        {"confidence": "1"},
        {"confidence": "5e-1"},
        {"nms_threshold": "0.01"},
        {"nms_threshold": "1.0"},
        {"max_faces": "0"},
        {"max_faces": "2147483648"},
        {"detail": "fast"},
        {"detail": "balanced"},
        {"detail": "thorough"},
        {"confidence": "0.5", "nms_threshold": "0.4", "max_faces": "0"},
    ],
    ids=str,
)
def test_detect_accepts_range_limits(service: Stack, query: dict[str, str]) -> None:
    assert detect(service, pictures.portrait(), **query).status_code == 200


@pytest.mark.parametrize(
    ("detail", "names"),
    [
        (None, {"main", "close_up"}),
        ("fast", {"main", "close_up"}),
        ("balanced", {"main", "close_up", "mirrored_tile"}),
        ("thorough", {"main", "close_up", "large", "mirror"} | TURNED),
    ],
)
def test_detail_decides_the_passes(service: Stack, detail: str | None, names: set[str]) -> None:
    answer = detected(service, pictures.encoded(pictures.group(3, 2), "PNG"), detail=detail)
    passes = answer["profiling"]["passes"]
    assert {one["name"] for one in passes} == names
    assert sum(one["inference_ms"] for one in passes) == pytest.approx(answer["profiling"]["inference_ms"], abs=0.1)
    assert sum(one["candidates"] for one in passes) == answer["profiling"]["candidates_before_nms"]
    for one in passes:
        assert set(one) == {"name", "input_size", "inference_ms", "candidates"}
        assert all(is_int(side) and side % 32 == 0 for side in one["input_size"])


def test_same_upload_same_detections(service: Stack, one: Body) -> None:
    assert detected(service, pictures.portrait())["detections"] == one["detections"]
