"""Every refusal: what provokes it, its status, and that all have one shape."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from tests.contract import pictures
from tests.contract.calls import (
    DETECT,
    MASK,
    PATHS,
    Starter,
    assert_problem,
    fields,
    in_pieces,
    is_uuid,
    multipart,
    post,
    upload,
)
from tests.stack import Stack

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def strict(start_service: Starter) -> Stack:
    """A stack with a short patience, a short queue and small pictures."""
    return start_service(
        FACE_API_JOB_TIMEOUT_S="2",
        FACE_API_QUEUE_LIMIT="1",
        FACE_API_MAX_IMAGE_PIXELS="300000",
        FACE_API_MAX_UPLOAD_BYTES="900000",
    )


@pytest.fixture
def paused(strict: Stack) -> Iterator[Stack]:
    """The strict stack while its worker stands still."""
    strict.pause_worker()
    yield strict
    strict.resume_worker()
    end = time.monotonic() + 30
    while time.monotonic() < end and upload(strict, DETECT, pictures.portrait()).status_code != 200:
        time.sleep(0.5)


# --- 400: what cannot be read at all -------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("declared", ["multipart/form-data", "multipart/form-data; boundary="])
def test_missing_boundary_is_400(service: Stack, path: str, declared: str) -> None:
    body, _ = multipart(pictures.portrait())
    assert_problem(post(service, path, data=body, headers={"Content-Type": declared}), 400)


def missing_end(body: bytes) -> bytes:
    """The body without its last boundary."""
    return body[: body.rindex(b"\r\n--frontier--")]


@pytest.mark.parametrize(
    "damage",
    [
        missing_end,
        lambda body: body[: len(body) // 2],
        lambda body: body[:60],
        lambda body: body[20:],
        lambda body: b"\x00" * len(body),
    ],
    ids=["no_end", "half", "headers_cut", "no_beginning", "zeros"],
)
@pytest.mark.parametrize("path", PATHS)
def test_broken_multipart_is_400(service: Stack, path: str, damage: Callable[[bytes], bytes]) -> None:
    body, headers = multipart(pictures.portrait())
    assert_problem(post(service, path, data=damage(body), headers=headers), 400)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("declared", "body"),
    [
        ("application/json", b'{"image": "aGVsbG8="}'),
        ("application/x-www-form-urlencoded", b"image=hello"),
        ("image/jpeg", pictures.portrait()),
        ("text/plain", b"hello"),
    ],
)
def test_other_body_is_refused(service: Stack, path: str, declared: str, body: bytes) -> None:
    assert_problem(post(service, path, data=body, headers={"Content-Type": declared}), (400, 415, 422))


# --- 401, 403: who may ---------------------------------------------------------------------------

UNKNOWN_KEYS = ["xyl_" + "0" * 48, "xyl_", "xyl_" + "g" * 48, "Bearer", "a" * 4000, "' OR 1=1 --"]


@pytest.mark.parametrize("path", PATHS)
def test_missing_key_is_401(service: Stack, path: str) -> None:
    response = post(service, path, key="", files={"image": pictures.portrait()})
    assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("key", UNKNOWN_KEYS)
def test_unknown_key_is_401(service: Stack, path: str, key: str) -> None:
    response = post(service, path, key=key, files={"image": pictures.portrait()})
    assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("key", [b"", b"\xff\xfe\xfd", "ключ".encode()])
def test_odd_key_bytes_are_401(service: Stack, key: bytes) -> None:
    headers = {"X-API-Key": key}
    response = requests.post(service.url + DETECT, headers=headers, files={"image": pictures.portrait()}, timeout=30)
    assert_problem(response, 401)


def test_altered_key_is_401(service: Stack) -> None:
    last = "0" if service.key[-1] != "0" else "1"
    for key in (service.key[:-1] + last, service.key[:-1], service.key + "0", service.key.upper()):
        assert_problem(post(service, DETECT, key=key, files={"image": pictures.portrait()}), 401)


def test_key_counts_in_its_header_only(service: Stack) -> None:
    for options in (
        {"params": {"api_key": service.key}},
        {"headers": {"Authorization": f"Bearer {service.key}"}},
        {"cookies": {"X-API-Key": service.key}},
        {"data": {"X-API-Key": service.key}},
    ):
        response = post(service, DETECT, key="", files={"image": pictures.portrait()}, **options)
        assert_problem(response, 401)


@pytest.mark.parametrize("path", PATHS)
def test_revoked_key_is_403(service: Stack, path: str) -> None:
    assert_problem(post(service, path, key=service.revoked_key(), files={"image": pictures.portrait()}), 403)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("key", ["", "xyl_" + "0" * 48])
@pytest.mark.parametrize(
    "options",
    [
        {"params": {"confidence": "7"}, "files": {"image": pictures.portrait()}},
        {"params": {"unheard_of": "7"}, "files": {"image": pictures.portrait()}},
        {"data": b"nonsense", "headers": {"Content-Type": "multipart/form-data"}},
        {"files": {"image": pictures.STRANGERS["pdf"]}},
        {},
    ],
    ids=["option", "unknown_option", "multipart", "format", "nothing"],
)
def test_key_is_judged_first(service: Stack, path: str, key: str, options: dict[str, Any]) -> None:
    assert_problem(post(service, path, key=key, **options), 401)


@pytest.mark.parametrize("path", PATHS)
def test_key_is_judged_before_size(service: Stack, path: str) -> None:
    assert_problem(post(service, path, key="", files={"image": bytes(26 * MIB)}), 401)


def test_revoked_key_is_judged_before_options(service: Stack) -> None:
    assert_problem(post(service, DETECT, key=service.revoked_key(), params={"confidence": "7"}), 403)


# --- 404, 405: where and how ---------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "path", ["/nope", "/api", "/api/v1/nope", "/api/v2/detect", "/api/v1/detect/x", "/%00", "/%ff"]
)
def test_unknown_route_is_404(service: Stack, method: str, path: str) -> None:
    assert_problem(requests.request(method, service.url + path, timeout=30), 404)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", PATHS)
def test_other_method_is_405(service: Stack, method: str, path: str) -> None:
    response = requests.request(method, service.url + path, headers={"X-API-Key": service.key}, timeout=30)
    assert_problem(response, 405)
    assert "POST" in response.headers["Allow"] and method not in response.headers["Allow"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_method_on_health_is_405(service: Stack, method: str) -> None:
    response = requests.request(method, service.url + "/health", timeout=30)
    assert_problem(response, 405)
    assert "GET" in response.headers["Allow"]


# --- 413: too large ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def heavy() -> tuple[bytes, dict[str, str]]:
    """A multipart body of 26 MiB."""
    return multipart(pictures.portrait() + bytes(26 * MIB))


@pytest.mark.parametrize("path", PATHS)
def test_heavy_body_is_413(service: Stack, path: str, heavy: tuple[bytes, dict[str, str]]) -> None:
    assert_problem(post(service, path, data=heavy[0], headers=heavy[1]), 413)


@pytest.mark.parametrize("path", PATHS)
def test_heavy_chunked_body_is_413(service: Stack, path: str, heavy: tuple[bytes, dict[str, str]]) -> None:
    assert_problem(post(service, path, data=in_pieces(heavy[0]), headers=heavy[1]), 413)


@pytest.mark.parametrize("extra", [[], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect:"]])
def test_curl_receives_the_413(service: Stack, tmp_path: Path, extra: list[str]) -> None:
    (tmp_path / "photo.jpg").write_bytes(bytes(26 * MIB))
    command = ["curl", "-sS", "-o", str(tmp_path / "answer"), "-w", "%{http_code}", "-H", f"X-API-Key: {service.key}"]
    command += [*extra, "-F", f"image=@{tmp_path / 'photo.jpg'}", service.url + DETECT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "413"), done.stderr
    assert b"request_id" in (tmp_path / "answer").read_bytes()


def test_connection_survives_a_413(service: Stack, heavy: tuple[bytes, dict[str, str]]) -> None:
    with requests.Session() as session:
        session.headers["X-API-Key"] = service.key
        for _ in range(2):
            assert session.post(service.url + DETECT, data=heavy[0], headers=heavy[1], timeout=60).status_code == 413
            files = {"image": pictures.portrait()}
            assert session.post(service.url + DETECT, files=files, timeout=60).status_code == 200


def test_body_below_limit_is_taken(service: Stack) -> None:
    file = pictures.encoded(pictures.landscape(3400, 2540), "BMP")
    assert 24 * MIB < len(file) < 25 * MIB
    assert upload(service, DETECT, file).status_code == 200


def test_heavy_form_field_is_413(service: Stack) -> None:
    response = post(service, DETECT, files={"image": pictures.portrait()}, data={"note": "x" * 26 * MIB})
    assert_problem(response, 413)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "build",
    [pictures.png_header, pictures.jpeg_header, pictures.bmp_header, pictures.tiff_header],
    ids=["png", "jpeg", "bmp", "tiff"],
)
def test_promised_pixels_are_413(service: Stack, path: str, build: Callable[[int, int], bytes]) -> None:
    began = time.monotonic()
    assert_problem(upload(service, path, build(20_000, 20_000)), 413)
    assert time.monotonic() - began < 10  # decoding them would take longer, and 1.2 GB


@pytest.mark.parametrize("size", [(10_000, 5_001), (5_001, 10_000), (65_000, 1_000)])
def test_pixel_limit_counts_area(service: Stack, size: tuple[int, int]) -> None:
    assert_problem(upload(service, DETECT, pictures.png_header(*size)), 413)


def test_pixel_limit_itself_is_allowed(service: Stack) -> None:
    assert_problem(upload(service, DETECT, pictures.png_header(10_000, 5_000)), 422)


def test_pixel_limit_can_be_set(strict: Stack) -> None:
    assert upload(strict, DETECT, pictures.portrait()).status_code == 200
    assert_problem(upload(strict, DETECT, pictures.encoded(pictures.hopper(), "JPEG")), 413)


def test_upload_limit_can_be_set(strict: Stack) -> None:
    file = pictures.encoded(Image.new("RGB", (500, 500)), "BMP")
    assert upload(strict, DETECT, file).status_code == 200
    body, headers = multipart(file + bytes(200_000))
    assert_problem(post(strict, DETECT, data=body, headers=headers), 413)
    assert_problem(post(strict, DETECT, data=in_pieces(body), headers=headers), 413)


# --- 415: not one of the formats -----------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", pictures.STRANGERS)
def test_other_format_is_415(service: Stack, path: str, kind: str) -> None:
    response = post(service, path, files={"image": ("photo.jpg", pictures.STRANGERS[kind], "image/jpeg")})
    assert_problem(response, 415)


# --- 422: the form -------------------------------------------------------------------------------

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


# --- 422: the options ----------------------------------------------------------------------------

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


def test_all_bad_options_are_named(service: Stack) -> None:
    query = {"confidence": "7", "max_faces": "-1", "quality": "0", "method": "blur"}
    problem = assert_problem(upload(service, MASK, pictures.portrait(), query), 422)
    assert fields(problem) == set(query)


# --- 422: the picture ----------------------------------------------------------------------------

WHOLE: dict[str, bytes] = {
    "jpeg": pictures.encoded(pictures.hopper(), "JPEG", quality=95),
    "progressive": pictures.encoded(pictures.hopper(), "JPEG", quality=95, progressive=True),
    "png": pictures.encoded(pictures.hopper(), "PNG"),
    "webp": pictures.encoded(pictures.hopper(), "WEBP", quality=90),
    "webp_lossless": pictures.encoded(pictures.hopper(), "WEBP", lossless=True),
    "bmp": pictures.encoded(pictures.hopper(), "BMP"),
    "tiff": pictures.encoded(pictures.hopper(), "TIFF"),
    "tiff_lzw": pictures.encoded(pictures.hopper(), "TIFF", compression="tiff_lzw"),
    "tiff_deflate": pictures.encoded(pictures.hopper(), "TIFF", compression="tiff_adobe_deflate"),
    "heic": pictures.encoded(pictures.hopper(), "HEIF", quality=70),
    "heic_tiles": pictures.encoded(pictures.hopper(), "HEIF", quality=70, tile_size=256),
    "avif": pictures.encoded(pictures.hopper(), "AVIF", quality=70),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("kind", WHOLE)
def test_truncated_picture_is_422(service: Stack, path: str, part: float, kind: str) -> None:
    file = WHOLE[kind][: int(part * len(WHOLE[kind]))]
    assert "image" in fields(assert_problem(upload(service, path, file), 422))


@pytest.mark.parametrize("kind", ["png", "tiff_deflate"])  # the formats that carry checksums
def test_damaged_picture_is_422(service: Stack, kind: str) -> None:
    file = bytearray(WHOLE[kind])
    middle = len(file) // 2
    file[middle : middle + 4000] = bytes(4000)
    assert_problem(upload(service, MASK, bytes(file)), 422)


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_picture_is_no_error(service: Stack, kind: str) -> None:
    assert upload(service, DETECT, WHOLE[kind]).json()["summary"]["face_count"] == 1


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "bmp", "tiff"])
def test_bare_beginning_is_422(service: Stack, kind: str) -> None:
    assert_problem(upload(service, MASK, WHOLE[kind][:24]), (415, 422))


# --- real files ----------------------------------------------------------------------------------

ACCEPTED = {".jpg", ".png", ".webp", ".bmp", ".tif", ".apng", ".heic", ".avif"}


def test_real_files_are_judged_by_kind(service: Stack, shared_data: Path) -> None:
    wrong = {}
    for path in sorted((shared_data / "formats").iterdir()):
        if path.suffix == ".json":
            continue
        expected = 413 if path.name.startswith("100mp") else 200 if path.suffix in ACCEPTED else 415
        response = upload(service, MASK, path.read_bytes(), {"method": "solid"})
        if response.status_code != expected:
            wrong[path.name] = (response.status_code, expected)
    assert wrong == {}


def test_hostile_files_are_refused_calmly(service: Stack, shared_data: Path) -> None:
    def judge(path: Path) -> tuple[str, str]:
        response = upload(service, MASK, path.read_bytes(), {"method": "solid"})
        if response.status_code == 200:
            return path.name, "ok" if response.headers["Content-Type"] == "image/jpeg" else "no picture"
        try:
            assert_problem(response, (413, 415, 422))
        except AssertionError as error:
            return path.name, str(error)
        return path.name, "ok"

    with ThreadPoolExecutor(4) as pool:
        judged = dict(pool.map(judge, sorted((shared_data / "hostile").iterdir())))
    assert {name: what for name, what in judged.items() if what != "ok"} == {}


# --- 503, 504: later perhaps ---------------------------------------------------------------------


def assert_retry_after(response: requests.Response) -> None:
    """Check that the answer says in whole seconds when to come again."""
    assert response.headers["Retry-After"].isdigit() and int(response.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("path", PATHS)
def test_outlived_job_is_504(paused: Stack, path: str) -> None:
    began = time.monotonic()
    assert_problem(upload(paused, path, pictures.portrait()), 504)
    assert 1.5 < time.monotonic() - began < 20


def test_full_queue_is_503(paused: Stack) -> None:
    barrier = threading.Barrier(8)

    def call(path: str) -> requests.Response:
        barrier.wait()
        return upload(paused, path, pictures.portrait())

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, PATHS * 4))
    assert {answer.status_code for answer in answers} <= {503, 504}
    full = [answer for answer in answers if answer.status_code == 503]
    assert full
    for answer in full:
        assert_problem(answer, 503)
        assert_retry_after(answer)


def test_service_recovers_from_pause(strict: Stack) -> None:
    strict.pause_worker()
    assert upload(strict, MASK, pictures.portrait()).status_code in (503, 504)
    strict.resume_worker()
    end = time.monotonic() + 20
    while (status := upload(strict, MASK, pictures.portrait()).status_code) != 200 and time.monotonic() < end:
        time.sleep(0.3)
    assert status == 200


@pytest.mark.parametrize("path", PATHS)
def test_missing_worker_is_503(without_worker: Stack, path: str) -> None:
    response = upload(without_worker, path, pictures.portrait())
    assert_problem(response, 503)
    assert_retry_after(response)


def test_missing_redis_is_503(without_redis: Stack) -> None:
    began = time.monotonic()
    response = upload(without_redis, DETECT, pictures.portrait())
    assert_problem(response, 503)
    assert_retry_after(response)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("stack", ["without_worker", "without_redis"])
def test_refusals_need_no_engine(request: pytest.FixtureRequest, stack: str) -> None:
    service: Stack = request.getfixturevalue(stack)
    assert_problem(post(service, DETECT, key="", files={"image": PHOTO}), 401)
    assert_problem(upload(service, DETECT, pictures.portrait(), {"confidence": "7"}), 422)
    assert_problem(upload(service, DETECT, pictures.STRANGERS["gif"]), 415)
    assert_problem(requests.get(service.url + "/nope", timeout=30), 404)


# --- one shape -----------------------------------------------------------------------------------


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
    for file in (b"", pictures.STRANGERS["gif"], pictures.png_header(20_000, 20_000), WHOLE["png"][:5000]):
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
