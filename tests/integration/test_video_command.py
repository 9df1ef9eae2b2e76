"""`face-api video mask` against a real service: interrupted, continued, and told why a video failed."""

import os
import signal
import struct
import subprocess
from pathlib import Path

import pytest

from core import config
from face_api_client import Client
from face_api_client.command.videos import journals
from face_api_client.command.videos.journals import SourceFile, VideoJournal
from tests import clips
from tests.clips import Clip
from tests.conftest import StartService
from tests.integration.test_videos import ADMIN, LONG, assert_covered, call
from tests.stack import FACE_API, ROOT, Stack

DONE_WITHIN_S = 600


@pytest.fixture(scope="module")
def service(start_service: StartService) -> Stack:
    return start_service(FACE_API_WORKER_PROCESSES="2")


def start(service: Stack, source: Path, out: Path, *more: str) -> "subprocess.Popen[str]":
    return video(service, source.parent, "mask", str(source), "--out", str(out), "--no-progress", *more)


def video(service: Stack, folder: Path, *words: str) -> "subprocess.Popen[str]":
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(config.PREFIX)}
    own = {"FACE_API_ADMIN_USER": "admin", "FACE_API_ADMIN_PASSWORD": "correct horse", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [*FACE_API, "video", *words, "--url", service.url],
        env=inherited | own,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What a shell runs in the background ignores Ctrl-C, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - nothing is held here
    )


def finished(run: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = run.communicate(timeout=DONE_WITHIN_S)
    return run.returncode, out, err


def videos(service: Stack) -> int:
    return int(call(service, "GET").json()["total"])


def test_interrupted_command_continues(service: Stack, tmp_path: Path) -> None:
    source, out = tmp_path / "street.mp4", tmp_path / "masked.mp4"
    source.write_bytes(clips.made(LONG))
    before = videos(service)
    options = ("--method", "solid", "--detail", "fast")
    service.pause_worker()  # else it may be done before it is interrupted
    first = start(service, source, out, *options)
    service.until(lambda: journals.place(out).exists())
    first.send_signal(signal.SIGINT)
    status, _, err = finished(first)
    service.resume_worker()
    assert status == 130 and "the same command continues" in err
    assert not out.exists()
    status, told, err = finished(start(service, source, out, *options))
    assert status == 0, err
    assert videos(service) == before + 1, "it was sent once"
    assert_covered(LONG, out.read_bytes())
    assert "160 frames" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["masked.mp4", "street.mp4"]


def test_other_options_begin_anew(service: Stack, tmp_path: Path) -> None:
    source, out = tmp_path / "street.mp4", tmp_path / "masked.mp4"
    source.write_bytes(clips.made(Clip(frames=10)))
    before = videos(service)
    service.pause_worker()
    run = start(service, source, out, "--detail", "fast")
    service.until(lambda: videos(service) == before + 1)
    run.send_signal(signal.SIGINT)
    assert finished(run)[0] == 130
    service.resume_worker()
    status, _, err = finished(start(service, source, out, "--detail", "fast", "--method", "pixelate"))
    assert status == 0, err
    assert videos(service) == before + 2


def test_interrupted_upload_goes_on(service: Stack, tmp_path: Path) -> None:
    """A run before has sent the first piece."""
    source, out = tmp_path / "large.mp4", tmp_path / "masked.mp4"
    padding, pieces = 20 * 2**20, service.log("serve").count('"PATCH"')
    source.write_bytes(clips.made(Clip(frames=10)) + struct.pack(">I4s", 8 + padding, b"free") + bytes(padding))
    with Client(service.url, basic_auth=ADMIN) as client:
        begun = client.create_video_upload(source.name, source.stat().st_size)
        begun = client.append_to_video_upload(begun, source)
        options = {"detail": "fast", "method": "solid", "format": "mp4"}
        VideoJournal(service.url, SourceFile.of(source), options, begun.id).write(out)
        assert 0 < begun.offset < begun.size_bytes
        status, _, err = finished(start(service, source, out, "--detail", "fast", "--method", "solid"))
        assert status == 0, err
        assert client.get_video(begun.id).status == "completed"
    assert service.log("serve").count('"PATCH"') == pieces + 2, "the first piece, and the rest"
    assert_covered(Clip(frames=10), out.read_bytes())
    assert not journals.place(out).exists()


def test_reason_of_a_failure_is_told(service: Stack, tmp_path: Path) -> None:
    source, out = tmp_path / "street.mp4", tmp_path / "masked.mp4"
    file = clips.made(Clip(frames=20))
    source.write_bytes(file[: len(file) // 2])
    status, _, err = finished(start(service, source, out))
    assert status == 1 and "invalid_video" in err
    assert not out.exists() and not journals.place(out).exists()
    source.write_bytes(clips.jpeg(clips.picture(Clip(), 0)))
    status, _, err = finished(start(service, source, out))
    assert status == 1 and "unsupported_video" in err
    assert not journals.place(out).exists()


def test_wrong_options_send_nothing(service: Stack, tmp_path: Path) -> None:
    source = tmp_path / "street.mp4"
    source.write_bytes(b"x")
    before = videos(service)
    for options in (("--crf", "99"), ("--stride", "0"), ("--max-faces", "3")):
        status, _, err = finished(start(service, source, tmp_path / "masked.mp4", *options))
        assert status == 2 and options[0] in err
    assert finished(start(service, source, source))[0] == 2
    assert videos(service) == before


def test_nothing_is_sent_without_a_place_for_the_result(service: Stack, tmp_path: Path) -> None:
    source, mine = tmp_path / "street.mp4", tmp_path / "mine.mp4"
    source.write_bytes(b"x")
    mine.write_bytes(b"mine")
    before = videos(service)
    for out, more, why in (
        (mine, (), "is there already"),
        (mine / "x.mp4", (), "can't be written"),
        (tmp_path / "masked.mkv", (), "an .mp4 or a .webm, not .mkv"),
        (tmp_path / "masked.webm", ("--format", "mp4"), "is named .webm, and --format is mp4"),
    ):
        status, _, err = finished(start(service, source, out, *more))
        assert status == 2 and why in err, err
    assert videos(service) == before and mine.read_bytes() == b"mine"


def test_videos_are_listed_downloaded_again_and_deleted(service: Stack, tmp_path: Path) -> None:
    source, out = tmp_path / "own.mp4", tmp_path / "deep" / "own.webm"
    source.write_bytes(clips.made(Clip(frames=10)))
    status, _, err = finished(start(service, source, out, "--detail", "fast"))
    assert status == 0, err
    assert out.read_bytes()[:4] == b"\x1a\x45\xdf\xa3", "the result is what its name says"
    line = next(line for line in finished(video(service, tmp_path, "list"))[1].splitlines() if "own.mp4" in line)
    found = line.split()[0]
    assert "completed" in line and line == finished(video(service, tmp_path, "status", found))[1].rstrip()
    again = tmp_path / "again.webm"
    assert finished(video(service, tmp_path, "download", found, "--out", str(again)))[0] == 0
    assert again.read_bytes() == out.read_bytes()
    assert finished(video(service, tmp_path, "download", found, "--out", str(again)))[0] == 2
    assert finished(video(service, tmp_path, "cancel", found))[0] == 0
    assert finished(video(service, tmp_path, "delete", found, "--yes"))[0] == 0
    assert found not in finished(video(service, tmp_path, "list"))[1]
