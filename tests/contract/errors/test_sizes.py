"""413 and 415: what is too large, or none of the formats."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from PIL import Image

from tests.contract import pictures
from tests.contract.calls import (
    DETECT,
    PATHS,
    WEB_AND_WORKER,
    Starter,
    assert_problem,
    in_pieces,
    multipart,
    post,
    upload,
)
from tests.stack import Stack

MIB = 1024 * 1024


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
    # There is nothing but the header: a service that decoded first would say that the picture is damaged.
    assert_problem(upload(service, path, build(20_000, 20_000)), 413)


@pytest.mark.parametrize("size", [(10_000, 5_001), (5_001, 10_000), (65_000, 1_000)])
def test_pixel_limit_counts_area(service: Stack, size: tuple[int, int]) -> None:
    assert_problem(upload(service, DETECT, pictures.png_header(*size)), 413)


def test_pixel_limit_itself_is_allowed(service: Stack) -> None:
    assert_problem(upload(service, DETECT, pictures.png_header(10_000, 5_000)), 422)


@pytest.fixture(scope="module")
def narrow(start_service: Starter) -> Stack:
    """A stack that takes small pictures."""
    return start_service(
        FACE_API_MAX_IMAGE_PIXELS="300000", FACE_API_MAX_UPLOAD_BYTES="900000", programs=WEB_AND_WORKER
    )


def test_pixel_limit_can_be_set(narrow: Stack) -> None:
    assert upload(narrow, DETECT, pictures.portrait()).status_code == 200
    assert_problem(upload(narrow, DETECT, pictures.encoded(pictures.hopper(), "JPEG")), 413)


def test_upload_limit_can_be_set(narrow: Stack) -> None:
    file = pictures.encoded(Image.new("RGB", (500, 500)), "BMP")
    assert upload(narrow, DETECT, file).status_code == 200
    body, headers = multipart(file + bytes(200_000))
    assert_problem(post(narrow, DETECT, data=body, headers=headers), 413)
    assert_problem(post(narrow, DETECT, data=in_pieces(body), headers=headers), 413)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", pictures.STRANGERS)
def test_other_format_is_415(service: Stack, path: str, kind: str) -> None:
    response = post(service, path, files={"image": ("photo.jpg", pictures.STRANGERS[kind], "image/jpeg")})
    assert_problem(response, 415)
