"""422: forms and options."""

from typing import Any

import pytest

from tests.contract import pictures
from tests.contract.calls import (
    DETECT,
    MASK,
    PATHS,
    assert_problem,
    fields,
    post,
    upload,
)
from tests.stack import Stack

PHOTO = ("photo.jpg", pictures.portrait(), "image/jpeg")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({}, "image"),
        ({"data": b"--frontier--\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=frontier"}}, "image"),
        ({"files": {"image": ("photo.jpg", b"", "image/jpeg")}}, "image"),
        ({"files": [("image", PHOTO), ("image", PHOTO)]}, "image"),
        ({"files": {"image": (None, "hello")}}, "image"),
        ({"files": {"image": (None, pictures.portrait())}}, "image"),
        ({"files": [("image", PHOTO), ("image", (None, "hello"))]}, "image"),
        ({"files": {"file": PHOTO}}, "file"),
        ({"files": {"Image": PHOTO}}, "Image"),
        ({"files": [("image", PHOTO), ("extra", PHOTO)]}, "extra"),
        ({"files": {"image": PHOTO}, "data": {"note": "hello"}}, "note"),
        ({"files": {"image": PHOTO}, "data": {"method": "solid"}}, "method"),
        ({"files": {"image": PHOTO}, "data": {"confidence": "0.5"}}, "confidence"),
        ({"files": {"image": PHOTO}, "data": {"": "hello"}}, ""),
    ],
    ids=[
        "no_body",
        "no_part",
        "empty_file",
        "two_files",
        "text_field",
        "picture_as_text",
        "file_and_text",
        "other_name",
        "other_case",
        "second_file",
        "stray_field",
        "option_as_field",
        "detect_option_as_field",
        "nameless_field",
    ],
)
def test_wrong_form_is_422(service: Stack, path: str, options: dict[str, Any], field: str) -> None:
    assert field in fields(assert_problem(post(service, path, **options), 422))


NOT_NUMBERS = ["", "abc", "NaN", "nan", "inf", "-inf", "Infinity", "1e999", "0x1", "1,0", "true", "null", "%00", "½"]
BAD_OPTIONS: dict[str, list[str]] = {
    "confidence": [*NOT_NUMBERS, "0", "0.009", "-0.5", "1.01", "2", "1e9"],
    "nms_threshold": [*NOT_NUMBERS, "0", "0.009", "-0.5", "1.01", "2", "1e9"],
    "max_faces": [*NOT_NUMBERS, "-1", "1.5", "-999999999999"],
    "detail": ["", "FAST", "thorough ", "0", "null", "None", "fast,thorough"],
}
BAD_MASK_OPTIONS: dict[str, list[str]] = {
    "method": ["", "blur", "GAUSSIAN", "gaussian ", "0", "null", "gaussian,solid"],
    "strength": [*NOT_NUMBERS, "0", "-1", "1000", "1.5", "999999999999999999999"],
    "padding": [*NOT_NUMBERS, "-0.01", "-1", "2.01", "1e9"],
    "format": ["", "gif", "jpg", "JPEG", "image/jpeg", "bmp", "tiff", "avif"],
    "quality": [*NOT_NUMBERS, "0", "-1", "101", "1.5", "1000"],
    "review_confidence": [*NOT_NUMBERS, "0", "0.009", "-0.5", "1.01", "1e9"],
    "verify": ["", "maybe", "2", "null", "None"],
}
CASES = [(path, name, text) for path in PATHS for name, texts in BAD_OPTIONS.items() for text in texts]
CASES += [(MASK, name, text) for name, texts in BAD_MASK_OPTIONS.items() for text in texts]


@pytest.mark.parametrize(("path", "name", "text"), CASES)
def test_bad_option_is_422(service: Stack, path: str, name: str, text: str) -> None:
    assert fields(assert_problem(upload(service, path, pictures.portrait(), {name: text}), 422)) == {name}


@pytest.mark.parametrize(
    ("path", "name", "text"),
    [
        *[(path, name, "0.5") for path in PATHS for name in ("confidence", "nms_threshold")],
        *[(path, "max_faces", "1") for path in PATHS],
        *[(path, "detail", "fast") for path in PATHS],
        (MASK, "method", "solid"),
        (MASK, "strength", "50"),
        (MASK, "padding", "1"),
        (MASK, "format", "png"),
        (MASK, "quality", "90"),
    ],
)
def test_repeated_option_is_422(service: Stack, path: str, name: str, text: str) -> None:
    response = post(service, path, params=[(name, text), (name, text)], files={"image": PHOTO})
    assert fields(assert_problem(response, 422)) == {name}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "name", ["confidnce", "Confidence", "blur", "api_key", "key", "page", "x[]", "формат", "image"]
)
def test_unknown_option_is_422(service: Stack, path: str, name: str) -> None:
    response = upload(service, path, pictures.portrait(), {name: "0.5"})
    assert fields(assert_problem(response, 422)) == {name}


def test_valueless_option_is_422(service: Stack) -> None:
    for query in ("?confidence", "?confidence=", "?unheard_of", "?="):
        assert_problem(post(service, DETECT + query, files={"image": PHOTO}), 422)


def test_ill_encoded_option_is_422(service: Stack) -> None:
    for query in ("?confidence=%ff", "?%ff=1", "?confidence=%zz", "?confidence=0.5%00"):
        assert_problem(post(service, DETECT + query, files={"image": PHOTO}), 422)


@pytest.mark.parametrize(
    ("name", "text"),
    [("method", "gaussian"), ("strength", "199"), ("padding", "0.15"), ("format", "jpeg"), ("quality", "95")],
)
def test_mask_option_on_detect_is_422(service: Stack, name: str, text: str) -> None:
    response = upload(service, DETECT, pictures.portrait(), {name: text})
    assert fields(assert_problem(response, 422)) == {name}


@pytest.mark.parametrize(
    ("path", "options", "name", "advice"),
    [
        (MASK, {"params": {"Method": "solid"}}, "Method", "; did you mean method?"),
        (MASK, {"params": {"blur_method": "solid"}}, "blur_method", "; did you mean method?"),
        (DETECT, {"params": {"confidnce": "0.5"}}, "confidnce", "; did you mean confidence?"),
        (MASK, {"params": {"mask_regions": "[]"}}, "mask_regions", ": send it as a field of the form"),
        (MASK, {"data": {"method": "solid"}}, "method", ": send it in the query of the URL"),
        (DETECT, {"data": {"confidence": "0.5"}}, "confidence", ": send it in the query of the URL"),
        (MASK, {"files": {"images": PHOTO}}, "images", "; did you mean image?"),
        (MASK, {"params": {"zzz": "1"}}, "zzz", ""),
        (MASK, {"data": {"mask_regions": '[{"unit_": 1}]'}}, "mask_regions[0].unit_", "; did you mean unit?"),
        (MASK, {"data": {"mask_regions": '[{"x1": 1, "y1": 1, "x2": 2, "y2": 2, "z": 1}]'}}, "mask_regions[0].z", ""),
    ],
)
def test_unknown_name_gets_advice(service: Stack, path: str, options: dict[str, Any], name: str, advice: str) -> None:
    problem = assert_problem(post(service, path, **{"files": {"image": PHOTO}} | options), 422)
    told = {error["field"]: error["message"] for error in problem["errors"]}
    assert told[name] == f"There is no such parameter or field here{advice}"
    assert told[name] in problem["detail"]


@pytest.mark.parametrize("text", ["weak", "1.5", "0", "1000"])
def test_wrong_strength_is_told_what_is_right(service: Stack, text: str) -> None:
    problem = assert_problem(upload(service, MASK, pictures.portrait(), {"strength": text}), 422)
    assert problem["errors"] == [{"field": "strength", "message": "Input should be an integer from 1 to 999, or auto"}]


MANY_FIELDS = "&".join(f"stray{number}=1" for number in range(4_500))
MANY_PARTS = [("file" + str(number), PHOTO) for number in range(60)]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("options", "total"),
    [
        ({"data": MANY_FIELDS, "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, 4_501),
        ({"files": MANY_PARTS}, 61),
        ({"params": {f"stray{number}": "1" for number in range(90)}}, 90),
        ({"params": [(f"stray{number % 45}", "1") for number in range(90)]}, 45),
        ({"data": {"mask_regions": "[" + "{}," * 199 + "{}]"}, "files": {"image": PHOTO}}, 0),
        ({"files": {"\U0001f600" * 600: PHOTO}}, 0),
    ],
    ids=["fields", "files", "parameters", "repeated", "regions", "long_name"],
)
def test_refusal_stays_short(service: Stack, path: str, options: dict[str, Any], total: int) -> None:
    response = post(service, path, **options)
    problem = assert_problem(response, 422)
    assert len(problem["errors"]) <= 20 and len(response.content) < 20_000
    assert f"and {total - 20} more" in problem["detail"] or not total


def test_all_bad_options_are_named(service: Stack) -> None:
    query = {"confidence": "7", "max_faces": "-1", "quality": "0", "method": "blur"}
    problem = assert_problem(upload(service, MASK, pictures.portrait(), query), 422)
    assert fields(problem) == set(query)
