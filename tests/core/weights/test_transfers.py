"""Interrupted transfers are resumed."""

import threading
from pathlib import Path

import pytest

from core.config import Settings
from core.errors.startup import WeightsError
from tests.core.weights.servers import FILES, SIZE, WRONG, RecordingListener, Server, files_in_folder, pull, with_mirror


def test_transfer_retries_after_a_cut(
    settings: Settings, manifest_file: Path, mirror: Server, listener: RecordingListener
) -> None:
    mirror.cuts = [60_000, 50_000]

    assert pull("scrfd_10g", with_mirror(settings, mirror.url), manifest_file, listener) == FILES["scrfd_10g"]
    assert mirror.sent == [60_000, 50_000, 90_000]


def test_transfer_resumes_next_time(
    settings: Settings, manifest_file: Path, server: Server, listener: RecordingListener
) -> None:
    size = len(server.files["scrfd_10g.zip"])
    server.cuts = [30_000, 30_000, 30_000, 30_000]
    with pytest.raises(WeightsError, match="broke off 4 times"):
        pull("scrfd_10g", settings, manifest_file, listener)
    assert files_in_folder(settings) == ["scrfd_10g.zip.part"]

    assert pull("scrfd_10g", settings, manifest_file, listener) == FILES["scrfd_10g"]

    assert server.sent[4:] == [size - 120_000]
    assert files_in_folder(settings) == ["scrfd_10g.onnx"]


def test_transfer_retries_a_busy_server(
    settings: Settings, manifest_file: Path, server: Server, listener: RecordingListener
) -> None:
    server.busy = 2

    assert pull("scrfd_10g", settings, manifest_file, listener) == FILES["scrfd_10g"]


def test_transfer_restarts_without_range(
    settings: Settings, manifest_file: Path, mirror: Server, listener: RecordingListener
) -> None:
    mirror.supports_range = False
    mirror.cuts = [60_000]

    assert pull("scrfd_10g", with_mirror(settings, mirror.url), manifest_file, listener) == FILES["scrfd_10g"]
    assert mirror.sent == [60_000, SIZE]
    assert "refused" not in listener.text


def test_transfer_restarts_after_416(
    settings: Settings, manifest_file: Path, mirror: Server, listener: RecordingListener
) -> None:
    (settings.weights_dir / "scrfd_10g.onnx.part").write_bytes(WRONG[:-1])
    mirror.files["scrfd_10g.onnx"] = FILES["scrfd_10g"][:1000]

    pull("scrfd_10g", with_mirror(settings, mirror.url), manifest_file, listener)

    assert "is refused: it has 1000 bytes" in listener.text


@pytest.mark.parametrize("stale", [WRONG[:50_000], WRONG, WRONG + WRONG])
def test_transfer_replaces_a_stale_part(
    settings: Settings, manifest_file: Path, mirror: Server, listener: RecordingListener, stale: bytes
) -> None:
    (settings.weights_dir / "scrfd_10g.onnx.part").write_bytes(stale)

    assert pull("scrfd_10g", with_mirror(settings, mirror.url), manifest_file, listener) == FILES["scrfd_10g"]
    assert "refused" not in listener.text
    assert files_in_folder(settings) == ["scrfd_10g.onnx"]


def test_pulls_at_once_take_turns(
    settings: Settings, manifest_file: Path, server: Server, listener: RecordingListener
) -> None:
    got: list[bytes] = []
    pulls = [
        threading.Thread(target=lambda: got.append(pull("scrfd_10g", settings, manifest_file, listener)))
        for _ in range(6)
    ]

    for thread in pulls:
        thread.start()
    for thread in pulls:
        thread.join()

    assert got == [FILES["scrfd_10g"]] * 6
    assert server.sent == [len(server.files["scrfd_10g.zip"])]
    assert files_in_folder(settings) == ["scrfd_10g.onnx"]
