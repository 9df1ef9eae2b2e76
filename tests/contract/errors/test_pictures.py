"""422: pictures that are damaged, and real files that are."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.contract import pictures
from tests.contract.calls import (
    DETECT,
    MASK,
    PATHS,
    assert_problem,
    fields,
    upload,
)
from tests.stack import Stack

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "jpeg": ("JPEG", {"quality": 95}),
    "progressive": ("JPEG", {"quality": 95, "progressive": True}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {"quality": 90}),
    "webp_lossless": ("WEBP", {"lossless": True}),
    "bmp": ("BMP", {}),
    "tiff": ("TIFF", {}),
    "tiff_lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "tiff_deflate": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "heic": ("HEIF", {"quality": 70}),
    "heic_tiles": ("HEIF", {"quality": 70, "tile_size": 256}),
    "avif": ("AVIF", {"quality": 70}),
}


@cache
def whole(kind: str) -> bytes:
    """Once per process; made when a test asks: each process of the tests reads each module."""
    form, options = KINDS[kind]
    return pictures.encoded(pictures.hopper(), form, **options)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("kind", KINDS)
def test_truncated_picture_is_422(service: Stack, path: str, part: float, kind: str) -> None:
    file = whole(kind)[: int(part * len(whole(kind)))]
    assert "image" in fields(assert_problem(upload(service, path, file), 422))


@pytest.mark.parametrize("kind", ["png", "tiff_deflate"])  # the formats that carry checksums
def test_damaged_picture_is_422(service: Stack, kind: str) -> None:
    file = bytearray(whole(kind))
    middle = len(file) // 2
    file[middle : middle + 4000] = bytes(4000)
    assert_problem(upload(service, MASK, bytes(file)), 422)


@pytest.mark.parametrize("kind", KINDS)
def test_whole_picture_is_no_error(service: Stack, kind: str) -> None:
    assert upload(service, DETECT, whole(kind)).json()["summary"]["face_count"] == 1


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "bmp", "tiff"])
def test_bare_beginning_is_422(service: Stack, kind: str) -> None:
    assert_problem(upload(service, MASK, whole(kind)[:24]), (415, 422))


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


ONE_FACE = ("jpeg-", "tiff-grey-12-bit")
FACELESS = "jpeg-cmyk-subsampled.jpg"


def test_real_cases_are_read_or_called_raw(service: Stack, shared_data: Path) -> None:
    """Oddities that lose no pixel: as many faces as without them, and masked as well."""
    for path in sorted((shared_data / "cases").iterdir()):
        if path.suffix == ".md":
            continue
        found, masked = (upload(service, where, path.read_bytes()) for where in (DETECT, MASK))
        if path.suffix == ".dng":
            assert "raw photographs are not read" in assert_problem(masked, 415)["detail"]
            continue
        assert (found.status_code, masked.status_code) == (200, 200), path.name
        if path.name.startswith(ONE_FACE) and path.name != FACELESS:
            counts = found.json()["summary"]["face_count"], int(masked.headers["X-Face-Count"])
            assert counts == (1, 1), path.name


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
