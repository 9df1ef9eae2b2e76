"""The faces of an answer, and what their fields have to do with each other."""

import itertools

import pytest

from tests.contract import pictures
from tests.contract.calls import detected
from tests.contract.detect.answers import LANDMARKS, TENTHS, Body, corners, is_float, overlap
from tests.stack import Stack


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
