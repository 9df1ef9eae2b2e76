"""Every field of an answer: its summary and how it was made."""

import math

import pytest

from tests.contract import pictures
from tests.contract.calls import detect, detected, is_uuid
from tests.contract.detect.answers import DETECTION_KEYS, KEYS, STAGES, Body, is_float, is_int
from tests.stack import Stack


@pytest.fixture(scope="module", params=["one", "several", "none"])
def body(request: pytest.FixtureRequest) -> Body:
    """The answers to pictures with one face, six faces and none."""
    answer: Body = request.getfixturevalue(request.param)
    return answer


# --- the whole -----------------------------------------------------------------------------------


def test_detect_answers_plain_json(service: Stack) -> None:
    response = detect(service, pictures.portrait())
    assert response.status_code == 200
    assert response.headers["Content-Type"].split(";")[0] == "application/json"


@pytest.mark.parametrize("part", KEYS)
def test_detect_parts_have_exact_keys(body: Body, part: str) -> None:
    assert set(body[part] if part else body) == KEYS[part]


def test_detections_have_exact_keys(several: Body) -> None:
    for detection in several["detections"]:
        assert set(detection) == DETECTION_KEYS
        assert set(detection["bbox"]) == {"x1", "y1", "x2", "y2"}
        assert set(detection["size"]) == {"width", "height"}
        assert set(detection["center"]) == {"x", "y"}
        assert set(detection["relative"]) == {"x_center", "y_center", "width", "height"}


def test_request_id_names_the_request(body: Body) -> None:
    assert is_uuid(body["request_id"])


def test_record_ids_follow_storage(body: Body, health: Body) -> None:
    for name in ("image_id", "job_id"):
        assert is_uuid(body[name]) if health["storage_enabled"] else body[name] is None


def test_face_count_counts_detections(body: Body) -> None:
    assert is_int(body["summary"]["face_count"])
    assert body["summary"]["face_count"] == len(body["detections"])


def test_summary_confidences_follow_detections(several: Body) -> None:
    confidences = [found["confidence"] for found in several["detections"]]
    summary = several["summary"]
    assert summary["max_confidence"] == max(confidences)
    assert summary["min_confidence"] == min(confidences)
    assert summary["avg_confidence"] == pytest.approx(sum(confidences) / len(confidences), abs=1.1e-4)
    assert all(is_float(summary[name], 4) for name in ("avg_confidence", "min_confidence", "max_confidence"))


def test_total_area_sums_detections(several: Body) -> None:
    total = several["summary"]["total_face_area"]
    assert is_float(total, 2)
    assert total == pytest.approx(sum(found["area"] for found in several["detections"]), abs=0.05)


def test_area_ratio_follows_from_picture(several: Body) -> None:
    pixels = several["image"]["width"] * several["image"]["height"]
    ratio = several["summary"]["face_area_ratio"]
    assert type(ratio) is float and 0 < ratio <= 1
    assert ratio == pytest.approx(several["summary"]["total_face_area"] / pixels, abs=6e-4)


def test_empty_summary_is_zero(none: Body) -> None:
    assert none["detections"] == []
    assert none["summary"] == dict.fromkeys(KEYS["summary"], 0)
    assert all(type(value) in (int, float) for value in none["summary"].values())


# --- how it was done -----------------------------------------------------------------------------


def test_processing_names_the_model(body: Body, service: Stack, health: Body) -> None:
    assert body["processing"]["model"] == service.model == health["model"]
    assert body["profiling"]["model_name"] == service.model


def test_processing_tells_input_size(body: Body, health: Body) -> None:
    assert body["processing"]["input_size"] == health["input_size"] == [640, 640]


def test_processing_tells_default_thresholds(body: Body) -> None:
    assert body["processing"]["confidence_threshold"] == 0.5
    assert body["processing"]["nms_threshold"] == 0.4


def test_processing_echoes_asked_thresholds(service: Stack) -> None:
    answer = detected(service, pictures.portrait(), confidence="0.37", nms_threshold="1")["processing"]
    assert answer["confidence_threshold"] == 0.37
    assert answer["nms_threshold"] == 1.0
    assert all(type(answer[name]) is float for name in ("confidence_threshold", "nms_threshold"))


def test_times_have_two_decimals(body: Body) -> None:
    times = [body["profiling"][name] for name in (*STAGES, "total_ms")]
    times += [body["processing"]["inference_ms"], body["processing"]["total_ms"]]
    assert all(is_float(value, 2) and value >= 0 for value in times)
    assert body["profiling"]["inference_ms"] > 0


def test_times_are_told_alike(body: Body) -> None:
    for name in ("inference_ms", "total_ms"):
        assert body["processing"][name] == body["profiling"][name]


def test_stages_fit_into_total(body: Body) -> None:
    assert sum(body["profiling"][name] for name in STAGES) <= body["profiling"]["total_ms"] + 0.1


def test_detect_has_no_mask_figures(body: Body) -> None:
    for name in ("mask_ms", "encode_ms", "output_bytes"):
        assert body["profiling"][name] is None


def test_storage_time_follows_storage(body: Body, health: Body) -> None:
    value = body["profiling"]["storage_ms"]
    assert is_float(value, 2) if health["storage_enabled"] else value is None


def test_candidates_shrink_to_faces(several: Body) -> None:
    before, after = several["profiling"]["candidates_before_nms"], several["profiling"]["candidates_after_nms"]
    assert is_int(before) and is_int(after)
    assert before >= after >= several["summary"]["face_count"]


def test_profiling_describes_the_upload(body: Body) -> None:
    image, profiling = body["image"], body["profiling"]
    assert profiling["input_resolution"] == f"{image['width']}x{image['height']}"
    assert profiling["input_bytes"] == image["size_bytes"]
    assert profiling["input_pixels"] == image["width"] * image["height"]
    assert is_int(profiling["input_bytes"]) and is_int(profiling["input_pixels"])


@pytest.mark.parametrize("size", [(1920, 1080), (640, 480), (1000, 3000), (2000, 150)])
def test_network_input_holds_the_picture(service: Stack, size: tuple[int, int]) -> None:
    profiling = detected(service, pictures.encoded(pictures.landscape(*size), "JPEG"))["profiling"]
    width, height = map(int, profiling["det_resolution"].split("x"))
    assert width % 32 == 0 and height % 32 == 0
    assert 32 <= width <= 640 and 32 <= height <= 640
    assert is_float(profiling["det_scale"], 6)
    assert profiling["det_scale"] == pytest.approx(min(640 / size[0], 640 / size[1]), rel=2e-3)
    assert width >= math.floor(size[0] * profiling["det_scale"]) - 1
    assert height >= math.floor(size[1] * profiling["det_scale"]) - 1
