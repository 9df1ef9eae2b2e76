"""A missed face of a batch, from the command to the review and back: by keyboard, and proved by digests."""

import hashlib
import json
import os
import re
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.contract.admin import basic, body
from tests.contract.calls import detected
from tests.e2e import seeds
from tests.e2e.conftest import Site
from tests.stack import FACE_API, PATIENCE_S

PICTURES = 40
MISSED = "day 2/IMG_2117.jpg"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def tree(folder: Path) -> dict[str, str]:
    """Return the digests of all pictures in a folder, by their path in it."""
    return {str(path.relative_to(folder)): sha256(path.read_bytes()) for path in folder.rglob("*.jpg")}


def face_api(site: Site, *words: object) -> str:
    """Run the command as an operator does; return what it prints."""
    password = site.service.settings["FACE_API_ADMIN_PASSWORD"]
    access = {"FACE_API_URL": site.url, "FACE_API_ADMIN_USER": "admin", "FACE_API_ADMIN_PASSWORD": password}
    command = [*FACE_API, "batch", *map(str, words)]
    ran = subprocess.run(
        command, env=os.environ | access, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def confidence(site: Site, file: bytes) -> float:
    found = detected(site.service, file, detail="fast", confidence=0.1)["detections"]
    return float(found[0]["confidence"])


@pytest.fixture
def folder(site: Site, tmp_path: Path) -> tuple[Path, float]:
    """A folder of pictures, and a confidence which the face of one of them misses just."""
    scored = sorted((confidence(site, file), file) for file in (seeds.portrait(), seeds.officer()))
    (low, missed), (high, sure) = scored
    least = round((low + min(high, low + 0.04)) / 2, 4)
    assert low < least < high, "one of the faces is less sure than the other"
    for number in range(PICTURES):
        path = tmp_path / "in" / f"day {number // 20 + 1}" / f"IMG_{2080 + number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sure)
    (tmp_path / "in" / MISSED).write_bytes(missed)
    return tmp_path / "in", least


def test_missed_face_is_corrected_everywhere(
    page: Page, site: Site, folder: tuple[Path, float], tmp_path: Path
) -> None:
    pictures, least = folder
    out = tmp_path / "out"
    options = ["--recursive", "--detail", "fast", "--method", "solid", "--name", "Two days"]
    options += ["--confidence", str(least), "--review-confidence", str(least)]
    told = face_api(site, "submit", pictures, "--out", out, *options)
    before = tree(out)
    assert len(before) == PICTURES
    address = re.search(r"1 to review: (\S+batch_id=(\S+))", told)
    assert address is not None, told
    batch = address[2]
    found = items(site, batch)
    assert (len(found), found[MISSED]["face_count"], found[MISSED]["result_sha256"]) == (PICTURES, 0, before[MISSED])

    review_by_keyboard(page, batch)

    corrected = items(site, batch)[MISSED]
    digest = corrected["result_sha256"]
    assert (corrected["corrected"], corrected["face_count"], corrected["uncovered_faces"]) == (True, 1, 0)
    assert digest != before[MISSED]
    result = requests.get(corrected["result_url"], timeout=30).content
    assert sha256(result) == digest
    assert detected(site.service, result, detail="fast", confidence=0.3)["summary"]["face_count"] == 0
    with zipfile.ZipFile(download_by_keyboard(page, batch)) as archive:
        zipped = {name: sha256(archive.read(name)) for name in archive.namelist() if name.endswith(".jpg")}
        manifest = {one["name"]: one for one in map(json.loads, archive.read("manifest.jsonl").splitlines())}
    assert zipped == before | {MISSED: digest}
    entry = manifest[MISSED]
    assert (entry["result_sha256"], entry["corrected"], entry["edited_by"]) == (digest, True, "admin")
    assert [name for name, one in manifest.items() if one["corrected"]] == [MISSED]
    face_api(site, "submit", pictures, "--out", out, *options, "--resume")
    assert tree(out) == zipped
    face_api(site, "download", batch, "--out", tmp_path / "again")
    assert tree(tmp_path / "again") == zipped


def items(site: Site, batch: str) -> dict[str, dict[str, Any]]:
    found = body(basic(site.service, "GET", f"/batches/{batch}/items", params={"per_page": 100}))["items"]
    return {item["name"]: item for item in found}


def review_by_keyboard(page: Page, batch: str) -> None:
    """Go from a batch to its review, mask the face that was missed, and look at the new picture."""
    page.goto(f"/console/batches/{batch}")
    with page.expect_navigation():  # until the scripts of the page have run
        page.get_by_role("link", name="1 to review").press("Enter")
    expect(page.get_by_text("1 of 1")).to_be_visible()
    page.keyboard.press("d")
    expect(page.get_by_role("button", name="Face 1", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("m")
    expect(page.get_by_text("Masked faces: 1")).to_be_visible()
    expect(page.locator("[data-canvas] img")).to_have_js_property("complete", value=True)
    with page.expect_navigation():
        page.keyboard.press("n")
    expect(page.get_by_text("Nothing to review")).to_be_visible()


def download_by_keyboard(page: Page, batch: str) -> Path:
    page.goto(f"/console/batches/{batch}?state=completed")
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="Download results").press("Enter")
    return Path(downloaded.value.path())
