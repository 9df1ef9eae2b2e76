"""415: HEIC where it is switched off, on every way that a picture comes in; everything else is read as ever."""

import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from core.config import ROOT
from tests.contract import batches, pictures
from tests.contract.admin import basic, body
from tests.contract.calls import PATHS, Starter, assert_problem, upload
from tests.stack import Stack


@cache
def heic() -> bytes:
    return pictures.encoded(pictures.hopper(), "HEIF", quality=70)


@pytest.fixture(scope="module")
def without_heic(start_service: Starter) -> Stack:
    return start_service(FACE_API_HEIC_ENABLED="false")


@pytest.mark.parametrize("path", PATHS)
def test_heic_that_is_off_is_415(without_heic: Stack, path: str) -> None:
    without_heic.pause_worker()  # the web tier needs none to say so
    try:
        problem = assert_problem(upload(without_heic, path, heic()), 415)
    finally:
        without_heic.resume_worker()
    assert problem["code"] == "unsupported_image"
    assert "FACE_API_HEIC_ENABLED" in problem["detail"]


@pytest.mark.parametrize("form", ["JPEG", "AVIF"])
def test_other_formats_are_read_without_heic(without_heic: Stack, form: str) -> None:
    assert upload(without_heic, PATHS[1], pictures.encoded(pictures.hopper(), form)).status_code == 200


def test_batches_refuse_heic_that_is_off(without_heic: Stack) -> None:
    batch = batches.begun(without_heic)
    files = [("images", ("a.heic", heic()))]
    receipt: dict[str, Any] = body(basic(without_heic, "POST", f"/batches/{batch['id']}/images", files=files), 202)
    (refused,) = receipt["refused"]
    assert (refused["name"], refused["code"]) == ("a.heic", "unsupported_image")


def test_heic_of_the_bucket_fails_where_it_is_off(without_heic: Stack) -> None:
    store = without_heic.services.store
    assert store
    store.put("press/a.heic", heic(), "image/heic")
    batch = batches.begun(without_heic, prefix="press/")

    def item() -> dict[str, Any]:
        items: list[dict[str, Any]] = body(basic(without_heic, "GET", f"/batches/{batch['id']}/items"))["items"]
        return items[0] if items else {"state": "none"}

    without_heic.until(lambda: item()["state"] == "failed")
    assert item()["error"]["code"] == "unsupported_image"


def test_pillow_heif_may_be_absent() -> None:
    """What an installation does without it: everything is imported, and a JPEG decoded."""
    program = (
        "import io, sys; sys.modules['pillow_heif'] = None\n"
        "from PIL import Image\nfrom core.pictures import images\nimport worker.tasks, worker.batches\n"
        "file = io.BytesIO(); Image.new('RGB', (64, 64)).save(file, 'JPEG')\n"
        "assert images.decode(file.getvalue(), 10**6).size == (64, 64)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, timeout=60)
