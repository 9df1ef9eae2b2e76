"""POST /api/v1/detect: every field of its answer, and what they have to do with each other."""

import io
import itertools
import math
import uuid
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

from tests.contract import pictures
from tests.contract.calls import DETECT, PATHS, detect, detected, in_pieces, is_uuid, multipart, post, upload
from tests.stack import Stack

Body = dict[str, Any]

KEYS: dict[str, set[str]] = {
    "": {"request_id", "image_id", "job_id", "image", "detections", "summary", "processing", "profiling"},
    "image": {"width", "height", "channels", "size_bytes"},
    "summary": {
        "face_count",
        "avg_confidence",
        "min_confidence",
        "max_confidence",
        "total_face_area",
        "face_area_ratio",
    },
    "processing": {"model", "input_size", "confidence_threshold", "nms_threshold", "inference_ms", "total_ms"},
    "profiling": {
        "decode_ms",
        "preprocess_ms",
        "blob_ms",
        "inference_ms",
        "postprocess_ms",
        "nms_ms",
        "mask_ms",
        "verify_ms",
        "encode_ms",
        "storage_ms",
        "total_ms",
        "candidates_before_nms",
        "candidates_after_nms",
        "det_scale",
        "input_resolution",
        "det_resolution",
        "input_bytes",
        "output_bytes",
        "input_pixels",
        "model_name",
        "passes",
    },
}
DETECTION_KEYS = {"index", "bbox", "confidence", "landmarks", "size", "area", "center", "relative"}
LANDMARKS = {"left_eye", "right_eye", "nose", "left_mouth", "right_mouth"}
TURNED = {f"{name}_rotated_{degrees}" for name in ("main", "close_up") for degrees in (90, 180, 270)}
STAGES = ("decode_ms", "preprocess_ms", "blob_ms", "inference_ms", "postprocess_ms", "nms_ms")

# Two roundings to one decimal and one of the result.
TENTHS = 0.151


def is_float(value: object, decimals: int) -> bool:
    """Whether JSON held a fraction with at most so many decimals."""
    return type(value) is float and math.isfinite(value) and round(value, decimals) == value


def is_int(value: object) -> bool:
    """Whether JSON held a whole number that is not negative."""
    return type(value) is int and value >= 0


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """IoU of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(width, 0) * max(height, 0)
    return both / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - both)


def corners(detection: Body) -> tuple[float, float, float, float]:
    """A detection's box as left, top, right, bottom."""
    box = detection["bbox"]
    return box["x1"], box["y1"], box["x2"], box["y2"]


@pytest.fixture(scope="module")
def health(service: Stack) -> Body:
    """What the stack says of itself."""
    body: Body = requests.get(service.url + "/health", timeout=30).json()
    return body


@pytest.fixture(scope="module")
def one(service: Stack) -> Body:
    """The answer to a portrait."""
    return detected(service, pictures.portrait())


@pytest.fixture(scope="module")
def several(service: Stack) -> Body:
    """The answer to a picture of six people."""
    return detected(service, pictures.encoded(pictures.group(3, 2), "PNG"))


@pytest.fixture(scope="module")
def none(service: Stack) -> Body:
    """The answer to a landscape."""
    return detected(service, pictures.encoded(pictures.landscape(), "JPEG"))


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


# --- the picture ---------------------------------------------------------------------------------


def test_image_describes_the_upload(service: Stack) -> None:
    file = pictures.encoded(pictures.landscape(321, 123), "PNG")
    image = detected(service, file)["image"]
    assert image == {"width": 321, "height": 123, "channels": 3, "size_bytes": len(file)}
    assert all(is_int(value) for value in image.values())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_detect_reads_every_format(service: Stack, kind: str) -> None:
    answer = detected(service, pictures.portrait(kind))
    assert answer["summary"]["face_count"] == 1
    assert overlap(corners(answer["detections"][0]), pictures.ASTRONAUT_FACE) > 0.6


def coloured(name: str) -> bytes:
    """The astronaut in another kind of pixels."""
    picture = pictures.astronaut()
    if name == "png16":
        return pictures.png16(np.asarray(picture)[..., ::-1].astype(np.uint16) * 257)
    if name == "grey16":
        return pictures.png16(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    mode, kind = {
        "grey": ("L", "JPEG"),
        "cmyk": ("CMYK", "JPEG"),
        "cmyk_tiff": ("CMYK", "TIFF"),
        "palette": ("P", "PNG"),
        "grey_alpha": ("LA", "PNG"),
        "alpha": ("RGBA", "WEBP"),
    }[name]
    return pictures.encoded(picture.convert(mode), kind)


@pytest.mark.parametrize("name", ["png16", "grey16", "grey", "cmyk", "cmyk_tiff", "palette", "grey_alpha", "alpha"])
def test_detect_reads_every_colour_mode(service: Stack, name: str) -> None:
    answer = detected(service, coloured(name))
    assert answer["summary"]["face_count"] == 1
    assert overlap(corners(answer["detections"][0]), pictures.ASTRONAUT_FACE) > 0.6


@pytest.mark.parametrize("name", ["grey", "cmyk", "png16"])
def test_other_colours_become_three_channels(service: Stack, name: str) -> None:
    assert detected(service, coloured(name))["image"]["channels"] == 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_coordinates_are_on_upright_picture(service: Stack, orientation: int) -> None:
    file = pictures.turned(pictures.hopper(), orientation, quality=95)
    answer = detected(service, file)
    assert (answer["image"]["width"], answer["image"]["height"]) == (512, 600)
    assert answer["profiling"]["input_resolution"] == "512x600"
    assert [overlap(corners(found), pictures.HOPPER_FACE) > 0.6 for found in answer["detections"]] == [True]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_orientation_counts_in_every_format(service: Stack, kind: str) -> None:
    answer = detected(service, pictures.turned(pictures.hopper(), 6, kind))
    assert (answer["image"]["width"], answer["image"]["height"]) == (512, 600)
    assert [overlap(corners(found), pictures.HOPPER_FACE) > 0.6 for found in answer["detections"]] == [True]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_detect_sees_first_frame_only(service: Stack, kind: str) -> None:
    people, nobody = pictures.group(2), pictures.landscape(512, 256)
    first = pictures.encoded(people, kind, save_all=True, append_images=[nobody, nobody])
    second = pictures.encoded(nobody, kind, save_all=True, append_images=[people, people])
    assert detected(service, first)["summary"]["face_count"] == 2
    assert detected(service, second)["summary"]["face_count"] == 0


@pytest.mark.parametrize(
    "filename",
    [
        "photo",
        "notes.txt",
        "../../etc/passwd",
        "C:\\photos\\me.jpg",
        "фото-写真-🙂.jpg",
        "a" * 5000 + ".jpg",
        'quo"te;.jpg',
        "photo.php%00.jpg",
    ],
)
def test_file_name_never_matters(service: Stack, filename: str) -> None:
    response = post(service, DETECT, files={"image": (filename, pictures.portrait(), "text/plain")})
    assert response.status_code == 200, response.text


def test_declared_type_never_matters(service: Stack) -> None:
    response = post(service, DETECT, files={"image": ("photo.gif", pictures.portrait("PNG"), "application/pdf")})
    assert response.status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_chunked_upload_is_read(service: Stack, path: str) -> None:
    body, headers = multipart(pictures.portrait())
    assert post(service, path, data=in_pieces(body), headers=headers).status_code == 200


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (8, 2000), (2000, 8)])
def test_odd_sizes_are_read(service: Stack, size: tuple[int, int]) -> None:
    answer = detected(service, pictures.encoded(Image.new("RGB", size, (200, 180, 160)), "PNG"))
    assert (answer["image"]["width"], answer["image"]["height"]) == size
    assert answer["summary"]["face_count"] == 0


# --- the faces -----------------------------------------------------------------------------------


def test_faces_are_found(one: Body, several: Body, none: Body) -> None:
    assert [len(answer["detections"]) for answer in (one, several, none)] == [1, 6, 0]


def test_face_lies_where_expected(one: Body) -> None:
    assert overlap(corners(one["detections"][0]), pictures.ASTRONAUT_FACE) > 0.6


def test_each_person_is_found_once(several: Body) -> None:
    boxes = [corners(found) for found in several["detections"]]
    cells = {(int((box[0] + box[2]) / 2 // 256), int((box[1] + box[3]) / 2 // 256)) for box in boxes}
    assert cells == set(itertools.product(range(3), range(2)))


def test_index_counts_from_zero(several: Body) -> None:
    assert [found["index"] for found in several["detections"]] == list(range(6))
    assert all(type(found["index"]) is int for found in several["detections"])


def test_detections_are_sorted_by_confidence(several: Body) -> None:
    confidences = [found["confidence"] for found in several["detections"]]
    assert confidences == sorted(confidences, reverse=True)


def test_coordinates_have_one_decimal(several: Body) -> None:
    for found in several["detections"]:
        points = [*found["bbox"].values(), *found["size"].values(), *found["center"].values()]
        assert all(is_float(value, 1) for value in points)


def test_confidence_has_four_decimals(several: Body) -> None:
    assert all(is_float(found["confidence"], 4) and 0.5 <= found["confidence"] <= 1 for found in several["detections"])


def test_area_has_two_decimals(several: Body) -> None:
    assert all(is_float(found["area"], 2) for found in several["detections"])


def test_relative_has_four_decimals(several: Body) -> None:
    for found in several["detections"]:
        assert all(is_float(value, 4) and 0 <= value <= 1 for value in found["relative"].values())


def test_boxes_lie_within_picture(several: Body) -> None:
    width, height = several["image"]["width"], several["image"]["height"]
    for found in several["detections"]:
        left, top, right, bottom = corners(found)
        assert 0 <= left < right <= width and 0 <= top < bottom <= height


def test_cut_off_face_is_clipped(service: Stack) -> None:
    left, top = pictures.ASTRONAUT_FACE[:2]
    picture = pictures.astronaut().crop((int(left) + 12, int(top) + 10, 500, 400)).resize((780, 660))
    answer = detected(service, pictures.encoded(picture, "PNG"))
    assert answer["summary"]["face_count"] == 1
    found = corners(answer["detections"][0])
    assert min(found) >= 0 and found[2] <= answer["image"]["width"] and found[3] <= answer["image"]["height"]


def test_size_follows_from_box(several: Body) -> None:
    for found in several["detections"]:
        left, top, right, bottom = corners(found)
        assert found["size"]["width"] == pytest.approx(right - left, abs=TENTHS)
        assert found["size"]["height"] == pytest.approx(bottom - top, abs=TENTHS)


def test_area_follows_from_size(several: Body) -> None:
    for found in several["detections"]:
        width, height = found["size"]["width"], found["size"]["height"]
        assert found["area"] == pytest.approx(width * height, abs=0.05 * (width + height) + 0.02)


def test_center_follows_from_box(several: Body) -> None:
    for found in several["detections"]:
        left, top, right, bottom = corners(found)
        assert found["center"]["x"] == pytest.approx((left + right) / 2, abs=TENTHS)
        assert found["center"]["y"] == pytest.approx((top + bottom) / 2, abs=TENTHS)


def test_relative_follows_from_picture(several: Body) -> None:
    width, height = several["image"]["width"], several["image"]["height"]
    for found in several["detections"]:
        relative = found["relative"]
        assert relative["x_center"] == pytest.approx(found["center"]["x"] / width, abs=TENTHS / width + 1e-4)
        assert relative["y_center"] == pytest.approx(found["center"]["y"] / height, abs=TENTHS / height + 1e-4)
        assert relative["width"] == pytest.approx(found["size"]["width"] / width, abs=TENTHS / width + 1e-4)
        assert relative["height"] == pytest.approx(found["size"]["height"] / height, abs=TENTHS / height + 1e-4)


def test_landmarks_follow_the_model(several: Body, health: Body) -> None:
    for found in several["detections"]:
        if not health["supports_landmarks"]:
            assert found["landmarks"] is None
            continue
        assert set(found["landmarks"]) == LANDMARKS
        for point in found["landmarks"].values():
            assert set(point) == {"x", "y"} and all(is_float(value, 1) for value in point.values())


def test_landmarks_lie_within_box(several: Body) -> None:
    for found in several["detections"]:
        left, top, right, bottom = corners(found)
        slack = 0.05 * (right - left)
        for point in (found["landmarks"] or {}).values():
            assert left - slack <= point["x"] <= right + slack
            assert top - slack <= point["y"] <= bottom + slack


def test_landmarks_stand_in_order(several: Body) -> None:
    for found in several["detections"]:
        if (points := found["landmarks"]) is not None:
            assert points["left_eye"]["x"] < points["right_eye"]["x"]
            assert points["left_mouth"]["x"] < points["right_mouth"]["x"]
            assert max(points["left_eye"]["y"], points["right_eye"]["y"]) < points["nose"]["y"]
            assert points["nose"]["y"] < min(points["left_mouth"]["y"], points["right_mouth"]["y"])


@pytest.mark.parametrize("margin", [0.0, 0.03, 0.08])
@pytest.mark.parametrize("size", [(512, 512), (512, 680), (200, 260), (1600, 1800)])
def test_face_filling_frame_is_found(service: Stack, size: tuple[int, int], margin: float) -> None:
    answer = detected(service, pictures.encoded(pictures.close_up(*size, margin), "JPEG", quality=95))
    assert any(overlap(corners(found), (0, 0, *size)) > 0.5 for found in answer["detections"])


# --- the summary ---------------------------------------------------------------------------------


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


# --- the options ---------------------------------------------------------------------------------


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
        ("balanced", {"main", "close_up", "large"}),
        ("thorough", {"main", "close_up", "large", "mirrored_tile"} | TURNED),
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


# --- the request's id ----------------------------------------------------------------------------


def with_id(service: Stack, path: str, text: str) -> requests.Response:
    """A portrait sent under an id of the client's own."""
    return post(service, path, headers={"X-Request-Id": text}, files={"image": io.BytesIO(pictures.portrait())})


@pytest.mark.parametrize("path", PATHS)
def test_valid_request_id_is_kept(service: Stack, path: str) -> None:
    text = str(uuid.uuid4())
    assert with_id(service, path, text).headers["X-Request-Id"] == text


@pytest.mark.parametrize("text", ["", "42", "not-a-uuid", "x" * 500, str(uuid.UUID(int=7)) + "0", "<script>"])
@pytest.mark.parametrize("path", PATHS)
def test_other_request_id_is_replaced(service: Stack, path: str, text: str) -> None:
    given = with_id(service, path, text).headers["X-Request-Id"]
    assert is_uuid(given) and given != text


def test_request_id_stands_in_body(service: Stack) -> None:
    response = upload(service, DETECT, pictures.portrait())
    assert response.json()["request_id"] == response.headers["X-Request-Id"]


def test_kept_request_id_stands_in_body(service: Stack) -> None:
    text = str(uuid.uuid4())
    assert with_id(service, DETECT, text).json()["request_id"] == text


def test_request_ids_are_never_repeated(service: Stack) -> None:
    given = [detect(service, pictures.portrait()).headers["X-Request-Id"] for _ in range(3)]
    assert len(set(given)) == 3


def test_same_upload_same_detections(service: Stack, one: Body) -> None:
    assert detected(service, pictures.portrait())["detections"] == one["detections"]
