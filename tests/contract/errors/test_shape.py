"""All errors have one shape."""

import requests

from tests.contract import pictures
from tests.contract.calls import (
    DETECT,
    MASK,
    PATHS,
    assert_problem,
    is_uuid,
    post,
    upload,
)
from tests.contract.errors.test_options import PHOTO
from tests.contract.errors.test_pictures import whole
from tests.stack import Stack


def test_codes_tell_errors_apart(service: Stack) -> None:
    answers = [
        post(service, DETECT, data=b"x", headers={"Content-Type": "multipart/form-data"}),
        post(service, DETECT, key=""),
        post(service, DETECT, key=service.revoked_key()),
        requests.get(service.url + "/nope", timeout=30),
        requests.get(service.url + DETECT, timeout=30),
        upload(service, DETECT, pictures.png_header(20_000, 20_000)),
        upload(service, DETECT, pictures.STRANGERS["gif"]),
        upload(service, DETECT, b""),
    ]
    problems = [assert_problem(answer, answer.status_code) for answer in answers]
    assert [problem["status"] for problem in problems] == [400, 401, 403, 404, 405, 413, 415, 422]
    assert len({problem["code"] for problem in problems}) == 8


def test_code_is_the_same_on_both(service: Stack) -> None:
    for file in (b"", pictures.STRANGERS["gif"], pictures.png_header(20_000, 20_000), whole("png")[:5000]):
        codes = {upload(service, path, file).json()["code"] for path in PATHS}
        assert len(codes) == 1


def test_own_request_id_stands_in_error(service: Stack) -> None:
    text = "0f8fad5b-d9cb-469f-a165-70867728950e"
    response = requests.get(service.url + "/nope", headers={"X-Request-Id": text}, timeout=30)
    assert assert_problem(response, 404)["request_id"] == text == response.headers["X-Request-Id"]


def test_foreign_request_id_is_replaced(service: Stack) -> None:
    response = requests.get(service.url + "/nope", headers={"X-Request-Id": "<script>"}, timeout=30)
    assert is_uuid(assert_problem(response, 404)["request_id"])


def test_errors_ignore_accept_header(service: Stack) -> None:
    for accept in ("text/html", "image/jpeg", "application/xml", "*/*"):
        assert_problem(post(service, MASK, key="", headers={"Accept": accept}), 401)


def test_error_never_echoes_the_key(service: Stack) -> None:
    response = post(service, DETECT, params={"confidence": "7"}, files={"image": PHOTO})
    assert service.key not in response.text


def test_error_detail_never_holds_markup(service: Stack) -> None:
    response = requests.get(service.url + "/<script>alert(1)</script>", timeout=30)
    assert_problem(response, 404)
    assert "<script>" not in response.text
