"""`face-api batch` against a real service: every picture comes back once, whatever ends the command midway."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from core.config import ROOT
from face_api_client.command.batches import journals
from tests.conftest import StartService
from tests.contract.admin import basic, body
from tests.pictures import astronaut, grace_hopper
from tests.stack import Stack

WITHIN_S = 300


@pytest.fixture(scope="module")
def stack(start_service: StartService) -> Stack:
    return start_service(FACE_API_WORKER_PROCESSES="1")


def write(folder: Path, count: int) -> set[str]:
    """Write small portraits, each a little different, some in a folder of their own; return their names."""
    names = set()
    for number in range(count):
        name = f"{number % 3}/portrait {number:03}.jpg"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = (astronaut() if number % 2 else grace_hopper())[: 400 - number]
        Image.fromarray(pixels).resize((128, 100)).save(path, quality=90)
        names.add(name)
    return names


def command(stack: Stack, folder: Path, *words: str, **more: str) -> "subprocess.Popen[str]":
    own = {
        "FACE_API_URL": stack.url,
        "FACE_API_ADMIN_PASSWORD": stack.settings["FACE_API_ADMIN_PASSWORD"],
        "PYTHONPATH": str(ROOT),
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FACE_API_")}
    return subprocess.Popen(
        [sys.executable, "-m", "admin.main", "batch", *words],
        cwd=folder,
        env=inherited | own | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def end(process: "subprocess.Popen[str]") -> tuple[int, str]:
    output, _ = process.communicate(timeout=WITHIN_S)
    return process.returncode, output


def tree(folder: Path) -> dict[str, bytes]:
    """Return the files that a run has left, or leaves just now, but for its journal."""
    found = {}
    for path in folder.rglob("*"):
        # A part gets its name while it is looked at.
        with suppress(FileNotFoundError):
            if path.is_file() and not path.name.startswith(journals.FILE_NAME):
                found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def newest(stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = body(basic(stack, "GET", "/batches"))["items"][0]
    return found


def test_folder_comes_back_masked(stack: Stack, tmp_path: Path) -> None:
    names = write(tmp_path / "in", 12)
    (tmp_path / "in" / "broken.jpg").write_bytes(b"no picture")
    words = ("submit", "in", "--out", "out", "--recursive", "--method", "solid", "--format", "png")
    status, said = end(command(stack, tmp_path, *words))
    assert status == 1, said
    assert "12 done with 12 faces, 0 failed, 1 refused" in said and "refused: broken.jpg" in said
    found = tree(tmp_path / "out")
    assert set(found) == {name.removesuffix(".jpg") + ".png" for name in names}
    for name, data in found.items():
        masked = Image.open(io.BytesIO(data)).convert("RGB")
        before = Image.open(tmp_path / "in" / name.replace(".png", ".jpg"))
        assert masked.size == before.size and masked.tobytes() != before.tobytes()
    batch = newest(stack)
    assert {state: count for state, count in batch["counts"].items() if count} == {
        "completed": 12,
        "refused": 1,
        "total": 13,
    }
    assert batch["options"]["method"] == "solid"
    status, said = end(command(stack, tmp_path, "download", str(batch["id"]), "--out", "again"))
    assert (status, tree(tmp_path / "again")) == (1, found), said
    assert "refused: broken.jpg" in said


def test_detections_come_back_as_json(stack: Stack, tmp_path: Path) -> None:
    names = write(tmp_path / "in", 2)
    status, said = end(command(stack, tmp_path, "submit", "in", "--out", "out", "--recursive", "--job-type", "detect"))
    assert status == 0, said
    found = {name: json.loads(data) for name, data in tree(tmp_path / "out").items()}
    assert set(found) == {name.replace(".jpg", ".json") for name in names}
    for name, reported in found.items():
        assert (
            reported["name"] == name.replace(".json", ".jpg")
            and reported["face_count"] == len(reported["detections"]) == 1
        )
        assert (reported["width"], reported["height"]) == (128, 100)


@pytest.mark.parametrize("sent", [50, 70])
def test_killed_command_goes_on(stack: Stack, tmp_path: Path, sent: int) -> None:
    """`sent` pictures are items when the command dies: in the middle of sending, and in the middle of fetching."""
    names = write(tmp_path / "in", 70)
    words = ("submit", "in", "--out", "out", "--recursive", "--workers", "1")
    first = command(stack, tmp_path, *words)
    until(lambda: first.poll() is not None or newest(stack)["counts"]["total"] >= sent)
    if sent == 70:
        until(lambda: len(tree(tmp_path / "out")) > 10)
    first.send_signal(signal.SIGKILL)
    end(first)
    before = tree(tmp_path / "out")
    assert len(before) < 70
    status, said = end(command(stack, tmp_path, *words, "--resume"))
    assert status == 0, said
    found = tree(tmp_path / "out")
    assert set(found) == names
    counts = {"queued": 0, "running": 0, "completed": 70, "failed": 0, "cancelled": 0, "refused": 0, "deleted": 0}
    counts["total"] = 70
    assert newest(stack)["counts"] == counts
    assert {one["name"]: one["result_sha256"] for one in items(stack)} == {
        name: hashlib.sha256(data).hexdigest() for name, data in found.items()
    }


def items(stack: Stack) -> list[dict[str, str]]:
    query = {"per_page": 100}
    found: list[dict[str, str]] = body(basic(stack, "GET", f"/batches/{newest(stack)['id']}/items", params=query))[
        "items"
    ]
    return found


def test_restart_of_web_is_outlasted(stack: Stack, tmp_path: Path) -> None:
    names = write(tmp_path / "in", 60)
    first = command(stack, tmp_path, "submit", "in", "--out", "out", "--recursive", "--workers", "2")
    until(lambda: newest(stack)["counts"]["total"] not in (70, 2))
    stack.kill("serve")
    time.sleep(1)
    stack.launch("serve")
    status, said = end(first)
    assert status == 0, said
    assert set(tree(tmp_path / "out")) == names
    assert newest(stack)["counts"]["total"] == 60


def test_wrong_password_is_told_once(stack: Stack, tmp_path: Path) -> None:
    write(tmp_path / "in", 2)
    words = ("submit", "in", "--out", "out", "--recursive")
    process = command(stack, tmp_path, *words, FACE_API_ADMIN_PASSWORD="almost a horse")
    status, said = end(process)
    assert status == 2 and "unauthenticated" in said
    assert httpx.get(f"{stack.url}/health", timeout=60).status_code == 200
