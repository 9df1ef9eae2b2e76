"""The examples of the documents run against the service."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import requests
import skimage.data

from core.config import ROOT
from tests import clips
from tests.clients import typescript
from tests.clips import Clip
from tests.descriptions import resolved
from tests.docs import documents
from tests.stack import Stack
from web.schemas.detect import DetectResponse

RUN = {
    "sh": (
        "api/v1/mask -o",
        "api/v1/detect",
        "/health",
        "api/v1/admin/stats",
        "face-api batch",
        '/images"',
        "mask_regions=",
        "face-api video",
        "tracks.jsonl",
        "Upload-Offset",
        "cover=head",
    ),
    "python": ("found.detections:", "except ApiError", "auth/login"),
    "js": ("masked.jpg", "auth/login"),
    "ts": ("FaceApiError",),
}
# What they show is run in tests/clients, and in tests/integration.
OWN = [typescript.FOLDER / "README.md", ROOT / "clients" / "python" / "README.md"]


def examples(language: str, word: str) -> list[str]:
    return [code for code in documents.examples(language) if word in code]


def localised(code: str, service: Stack) -> str:
    """Point an example to the tests' service."""
    return code.replace("http://127.0.0.1:8000", service.url)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    portrait = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(tmp_path / "photo.jpg"), portrait)
    return tmp_path


def environment(service: Stack) -> dict[str, str]:
    reported = {"FACE_API_URL": service.url, "FACE_API_KEY": service.key, "FACE_API_ADMIN_USER": "admin"}
    password = service.settings["FACE_API_ADMIN_PASSWORD"]
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "FACE_API_ADMIN_PASSWORD": password} | reported


def assert_masked(folder: Path) -> None:
    """The example's masked.jpg is photo.jpg with another face region."""
    before, after = (np.asarray(cv2.imread(str(folder / name))) for name in ("photo.jpg", "masked.jpg"))
    assert before.shape == after.shape
    face, rest = (slice(80, 160), slice(200, 250)), (slice(300, 500), slice(0, 512))
    assert np.abs(before[face].astype(int) - after[face]).mean() > 10
    assert np.abs(before[rest].astype(int) - after[rest]).mean() < 5


@pytest.fixture
def node() -> str:
    """Return Node's path; without one the test is skipped, in CI it fails."""
    found = shutil.which("node")
    if found:
        return found
    reason = "there is no Node here to run the JavaScript examples with"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.mark.parametrize("language", RUN)
def test_every_example_is_run(language: str) -> None:
    run = [code for word in RUN[language] for code in examples(language, word)]
    elsewhere = [code for path in OWN for code in documents.examples_of(path, language)]
    assert sorted(run + elsewhere) == sorted(documents.examples(language))


def test_curl_mask_example_masks(service: Stack, folder: Path) -> None:
    (code,) = examples("sh", "api/v1/mask -o")
    subprocess.run(["sh", "-euc", localised(code, service)], cwd=folder, env=environment(service), check=True)
    assert_masked(folder)


def test_client_examples_mask(service: Stack, folder: Path) -> None:
    (code,), (program,) = examples("sh", "cover=head"), examples("ts", "FaceApiError")
    (script,) = examples("python", "except ApiError")
    subprocess.run(["sh", "-euc", localised(code, service)], cwd=folder, env=environment(service), check=True)
    by_curl = (folder / "masked.jpg").read_bytes()
    (folder / "masked.jpg").unlink()
    python = [sys.executable, "-c", localised(script, service)]
    ran = subprocess.run(python, cwd=folder, env=environment(service), check=True, capture_output=True, text=True)
    assert ran.stdout == "1 face(s) masked\n" and (folder / "masked.jpg").read_bytes() == by_curl
    (folder / "masked.jpg").unlink()
    command = ["node", typescript.compiled(localised(program, service), folder).name]
    ran = subprocess.run(command, cwd=folder, env=environment(service), check=True, capture_output=True, text=True)
    assert ran.stdout == "1 face(s) masked\n"
    assert (folder / "masked.jpg").read_bytes() == by_curl


def test_curl_regions_example_masks(service: Stack, folder: Path) -> None:
    (code,) = examples("sh", "mask_regions=")
    subprocess.run(["sh", "-euc", localised(code, service)], cwd=folder, env=environment(service), check=True)
    before, after = (np.asarray(cv2.imread(str(folder / name))) for name in ("photo.jpg", "regions.jpg"))
    changed = np.abs(before.astype(int) - after).mean(axis=(1, 2))
    assert changed[:440].max() < 5 < changed[470:].mean()


def test_curl_detect_example_detects(service: Stack, folder: Path) -> None:
    (code,) = examples("sh", "api/v1/detect")
    ran = subprocess.run(
        ["sh", "-euc", localised(code, service)], cwd=folder, env=environment(service), check=True, capture_output=True
    )
    assert json.loads(ran.stdout)["summary"]["face_count"] == 1


def test_curl_health_example_answers(service: Stack, folder: Path) -> None:
    (code,) = examples("sh", "/health")
    ran = subprocess.run(["sh", "-euc", localised(code, service)], cwd=folder, check=True, capture_output=True)
    assert json.loads(ran.stdout)["status"] == "ok"


def test_curl_admin_examples_answer(service: Stack, folder: Path) -> None:
    (code,) = examples("sh", "api/v1/admin/stats")
    ran = subprocess.run(
        ["sh", "-euc", localised(code, service)], cwd=folder, env=environment(service), check=True, capture_output=True
    )
    for word in (b'"total_jobs"', b'"per_page":5', b'"key":"xyl_', b'"regions_masked":1'):
        assert word in ran.stdout


def test_batch_example_masks(service: Stack, folder: Path) -> None:
    (folder / "photos" / "2026").mkdir(parents=True)
    shutil.copy(folder / "photo.jpg", folder / "photos" / "2026")
    (code,) = examples("sh", "face-api batch")
    scripts = Path(sys.executable).parent
    reported = environment(service)
    reported["PATH"] = f"{scripts}:{reported['PATH']}"
    ran = subprocess.run(["sh", "-euc", code], cwd=folder, env=reported, check=True, capture_output=True, text=True)
    assert "1 done with 1 face, 0 failed" in ran.stdout
    # Other tests have begun batches as well.
    assert any(line.endswith("photos") for line in ran.stdout.splitlines())
    shutil.copy(folder / "masked" / "2026" / "photo.jpg", folder / "masked.jpg")
    assert_masked(folder)


def test_batch_example_fills_a_batch(service: Stack, folder: Path) -> None:
    (code,) = examples("sh", '/images"')
    command = ["sh", "-euc", localised(code, service)]
    ran = subprocess.run(command, cwd=folder, env=environment(service), check=True, capture_output=True)
    for word in (b'"name":"2026/spring/photo.jpg"', b'"method":"pixelate"', b'"total":1', b'"items":[]'):
        assert word in ran.stdout


@pytest.mark.parametrize("word", ["face-api video", "tracks.jsonl"])
def test_video_examples_mask(service: Stack, folder: Path, word: str) -> None:
    (folder / "street.mp4").write_bytes(clips.made(Clip(frames=6)))
    (code,) = examples("sh", word)
    own = environment(service)
    own["PATH"] = f"{Path(sys.executable).parent}:{own['PATH']}"
    subprocess.run(["sh", "-euc", localised(code, service)], cwd=folder, env=own, check=True, timeout=120)
    assert len(clips.frames((folder / "street-masked.mp4").read_bytes())) == 6


def test_video_example_uploads_pieces(service: Stack, folder: Path) -> None:
    file = clips.made(Clip(frames=6))
    (folder / "street.mp4").write_bytes(file)
    (code,) = examples("sh", "Upload-Offset")
    ran = subprocess.run(
        ["sh", "-euc", localised(code, service)], cwd=folder, env=environment(service), check=True, capture_output=True
    )
    address = json.loads(ran.stdout)["status_url"]
    own = ("admin", service.settings["FACE_API_ADMIN_PASSWORD"])
    shown = requests.get(address, auth=own, timeout=30).json()
    assert (shown["filename"], shown["size_bytes"]) == ("street.mp4", len(file))


def test_python_example_masks(service: Stack, folder: Path) -> None:
    (code,) = examples("python", "found.detections:")
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment(service), check=True, capture_output=True, text=True
    )
    assert "1 face" in ran.stdout
    assert_masked(folder)


def test_javascript_example_masks(service: Stack, folder: Path, node: str) -> None:
    (code,) = examples("js", "masked.jpg")
    (folder / "mask.mjs").write_text(code)
    command = [node, "mask.mjs"]
    ran = subprocess.run(command, cwd=folder, env=environment(service), check=True, capture_output=True, text=True)
    assert "1 face" in ran.stdout
    assert_masked(folder)


def assert_administered(service: Stack, said: str) -> None:
    """An admin example detected a face, and left nothing: no image of its own, no key that works."""
    reported = {name: int(number) for number, name in (line.split() for line in said.splitlines())}
    assert reported["detections"] >= 1
    url, auth = f"{service.url}/api/v1/admin", ("admin", service.settings["FACE_API_ADMIN_PASSWORD"])
    assert requests.get(f"{url}/stats", auth=auth, timeout=60).json()["total_images"] == reported["images"]
    keys = requests.get(f"{url}/api-keys", auth=auth, timeout=60).json()["items"]
    assert "a script" not in {key["name"] for key in keys}


def test_python_admin_example_runs(service: Stack, folder: Path) -> None:
    (code,) = examples("python", "auth/login")
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment(service), check=True, capture_output=True, text=True
    )
    assert_administered(service, ran.stdout)


def test_javascript_admin_example_runs(service: Stack, folder: Path, node: str) -> None:
    (code,) = examples("js", "auth/login")
    (folder / "admin.mjs").write_text(code)
    command = [node, "admin.mjs"]
    ran = subprocess.run(command, cwd=folder, env=environment(service), check=True, capture_output=True, text=True)
    assert_administered(service, ran.stdout)


def test_openapi_examples_are_valid(service: Stack) -> None:
    document = requests.get(f"{service.url}/openapi/openapi.json", timeout=60).json()
    responses = document["paths"]["/api/v1/detect"]["post"]["responses"]
    problem = resolved(document, responses["422"])["content"]["application/problem+json"]["example"]
    answer = requests.post(
        f"{service.url}/api/v1/detect",
        params={"confidence": 2},
        headers={"X-API-Key": service.key, "X-Request-Id": problem["request_id"]},
        timeout=60,
    )
    assert answer.json() == problem
    DetectResponse.model_validate(responses["200"]["content"]["application/json"]["example"])
