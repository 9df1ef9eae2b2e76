"""`face-api up` as an operator meets it: real processes, ended in every way that happens."""

import os
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

import httpx
import psutil
import pytest

from core.config import ROOT
from face_api_client.command import targets
from tests.contract import pictures
from tests.integration import scrapes
from tests.ports import free_port
from tests.processes import lives

pytestmark = pytest.mark.slow

LAST_LINE = "Ctrl-C stops everything."
READY_WITHIN_S = 300
ENDS_WITHIN_S = 120


class Up:
    """One `face-api up` in a folder of its own. settings: FACE_API_* values. terminal: whether it writes to one."""

    def __init__(self, folder: Path, mirror: Path, settings: dict[str, str], *, terminal: bool = False) -> None:
        self.folder = folder
        self.output = folder / "output.txt"
        self.port = settings.get("PORT") or str(free_port())
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FACE_API_")}
        own = {
            "PORT": self.port,
            "PYTHONPATH": str(ROOT),
            "FACE_API_WORKER_PROCESSES": "1",
            "FACE_API_RUNTIME": os.environ["FACE_API_RUNTIME"],
        }
        command = [sys.executable, "-m", "admin.main", "up", "--weights-mirror", str(mirror)]
        with _recorder(self.output) if terminal else self.output.open("w") as output:
            self.process = psutil.Popen(
                command, cwd=folder, env=inherited | own | settings, stdout=output, stderr=subprocess.STDOUT
            )

    def command(self, *words: str) -> str:
        """Run another command of the same service's folder; return what it says."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FACE_API_")}
        ran = subprocess.run(
            [sys.executable, "-m", "admin.main", *words],
            cwd=self.folder,
            env=inherited | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout

    @property
    def said(self) -> str:
        return self.output.read_text()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> dict[str, str]:
        return targets.read_variables(self.folder / "var" / "dev.env")

    def children(self) -> list[psutil.Process]:
        """Return every process that it started, and that those started."""
        found: list[psutil.Process] = self.process.children(recursive=True)
        return found

    def find(self, word: str) -> psutil.Process | None:
        """Return the program with that word on its command line; the leader, not what it forked."""
        for child in self.process.children():
            with suppress(psutil.Error):  # it may end meanwhile
                if child.status() != psutil.STATUS_ZOMBIE and word in child.cmdline():
                    return child
        return None

    def kill(self, word: str) -> None:
        """Kill that program as soon as it runs, and wait for its end."""
        deadline = time.monotonic() + READY_WITHIN_S
        while (found := self.find(word)) is None:
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)
        found.kill()
        psutil.wait_procs([found], timeout=READY_WITHIN_S)

    def until(self, what: Callable[[], bool]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + READY_WITHIN_S
        while not what():
            assert self.process.poll() is None, f"it ended:\n{self.said}"
            assert time.monotonic() < deadline, self.said
            time.sleep(0.05)

    def until_ready(self) -> "Up":
        self.until(lambda: LAST_LINE in self.said)
        return self

    def status(self) -> int:
        """Wait for its end and return its exit status."""
        return int(self.process.wait(timeout=READY_WITHIN_S))

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=2 * ENDS_WITHIN_S)


def _recorder(path: Path) -> IO[bytes]:
    """Return a terminal that writes everything down."""
    reading, writing = pty.openpty()

    def record() -> None:
        with path.open("wb", buffering=0) as output, suppress(OSError):  # which tells that all writers have closed it
            while data := os.read(reading, 4096):
                output.write(data)
        os.close(reading)

    path.touch()
    threading.Thread(target=record, daemon=True).start()
    return os.fdopen(writing, "wb")


Start = Callable[..., Up]
get = partial(httpx.get, timeout=60, trust_env=False)


@pytest.fixture(scope="module")
def start(model: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start `face-api up`, in a new folder unless one is given; all end with the tests of this module."""
    started: list[Up] = []
    # The first pulls the model and makes of it what it runs, which takes 3 s of CPU; the others find that.
    weights = {"FACE_API_WEIGHTS_DIR": str(tmp_path_factory.mktemp("weights"))}

    def begin(folder: Path | None = None, *, terminal: bool = False, **settings: str) -> Up:
        started.append(Up(folder or tmp_path_factory.mktemp("up"), model[1], weights | settings, terminal=terminal))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            one.process.terminate()
    for one in started:
        one.stop()


@pytest.fixture(scope="module")
def running(start: Start) -> Up:
    """Return a service that is ready, for the tests that leave it so."""
    return start(FACE_API_METRICS_PORT=scrapes.free_ports()).until_ready()


@pytest.fixture(scope="module")
def bare(start: Start) -> Up:
    """Return a service without a database that is ready, for the tests that leave it so."""
    return start(FACE_API_DATABASE_ENABLED="false", FACE_API_API_KEY_ENABLED="false").until_ready()


def _alive(processes: list[psutil.Process], limit_s: float) -> list[psutil.Process]:
    """Return those that are still there after the limit; a zombie has ended."""
    _, alive = psutil.wait_procs(processes, timeout=limit_s)
    return list(filter(lives, alive))


def test_up_tells_how_it_is_reached(running: Up) -> None:
    reported = running.credentials
    assert list(reported) == ["FACE_API_URL", "FACE_API_KEY", "FACE_API_ADMIN_USER", "FACE_API_ADMIN_PASSWORD"]
    assert reported["FACE_API_URL"] == running.url
    assert running.url in running.said
    assert "key, password   in var/dev.env, read by: set -a; . var/dev.env; set +a" in running.said
    assert 'curl -f -H "X-API-Key: $FACE_API_KEY" -F image=@photo.jpg' in running.said
    assert not [name for name in ("FACE_API_KEY", "FACE_API_ADMIN_PASSWORD") if reported[name] in running.said]


def test_up_makes_a_key_for_all_that_the_readme_shows(running: Up) -> None:
    for path, status in (("/api/v1/admin/batches", 200), ("/api/v1/videos", 200), ("/api/v1/admin/jobs", 403)):
        answer = get(f"{running.url}{path}", headers={"X-API-Key": running.credentials["FACE_API_KEY"]})
        assert answer.status_code == status, answer.text
    assert (
        answer.json()["detail"]
        == "this API key lacks the scope read, which an owner gives it on the console's page Keys"
    )


def test_up_says_little_while_it_starts(running: Up, model: tuple[str, Path]) -> None:
    start, ready, _ = running.said.partition("ready     after ")
    assert ready and f"mirror    {model[1]}: model files are taken from there" in start
    assert [line for line in start.splitlines() if "/health" in line or "superuser" in line] == []
    assert "redis  |" not in running.said


def test_up_tells_where_its_numbers_are(running: Up) -> None:
    told = re.findall(r"metrics +(\S+) of (\w+)", running.said)
    assert [program for _, program in told] == ["web", "worker", "maintenance"]
    for url, program in told:
        answer = get(url)
        assert answer.status_code == 200
        assert f'face_api_build_info{{program="{program}"' in answer.text


def test_up_shows_secrets_on_a_terminal(start: Start) -> None:
    up = start(terminal=True).until_ready()
    assert all(value in up.said for value in up.credentials.values())
    assert f"curl -f -H 'X-API-Key: {up.credentials['FACE_API_KEY']}' -F image=@photo.jpg" in up.said


def test_up_makes_a_working_key(running: Up) -> None:
    def status(key: str) -> int:
        return httpx.post(f"{running.url}/api/v1/detect", headers={"X-API-Key": key}, timeout=60).status_code

    assert (status(running.credentials["FACE_API_KEY"]), status("xyl_wrong")) == (422, 401)


def test_up_keeps_files_to_the_owner(running: Up) -> None:
    var = running.folder / "var"
    modes = [path.stat().st_mode & 0o777 for path in (var, var / "dev.env")]
    assert [oct(mode) for mode in modes] == ["0o700", "0o600"]
    headers = {"X-API-Key": running.credentials["FACE_API_KEY"]}  # what it writes later is theirs alone, too
    kept = httpx.post(f"{running.url}/api/v1/detect", files={"image": pictures.portrait()}, headers=headers, timeout=60)
    assert kept.json()["image_id"]
    written = [path for path in var.rglob("*") if not path.is_symlink()]
    assert any("originals" in path.parts for path in written)
    assert [path for path in written if path.stat().st_mode & 0o077] == []


def test_up_can_be_unlocked(running: Up) -> None:
    url, known = f"{running.url}/api/v1/admin/stats", running.credentials
    wrong, right = ("admin", "wrong"), ("admin", known["FACE_API_ADMIN_PASSWORD"])
    assert [get(url, auth=wrong).status_code for _ in range(11)] == [401] * 10 + [429]
    assert get(url, auth=right).status_code == 429
    assert "unlocked: 1 address" in running.command("admin", "unlock")
    assert get(url, auth=right).status_code == 200


def test_up_listens_on_loopback_only(running: Up) -> None:
    listening = [
        connection.laddr.ip
        for process in running.children()
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}


def test_up_shows_no_secret_in_command_lines(running: Up) -> None:
    environments = [process.environ() for process in running.children()]
    urls = {found["FACE_API_REDIS_URL"] for found in environments if "FACE_API_REDIS_URL" in found}
    secrets = [url.split(":")[2].split("@")[0] for url in urls] + [running.credentials["FACE_API_ADMIN_PASSWORD"]]
    lines = [" ".join(process.cmdline()) for process in running.children()]
    assert len(secrets) == 2
    assert not [line for line in lines if any(secret in line for secret in secrets)]


def test_up_refuses_a_taken_port(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        late = start(PORT=port)
        assert late.status() == 1
    assert f"127.0.0.1:{port} is taken" in late.said
    assert not (late.folder / "var").exists()


def test_up_refuses_a_folder_in_use(running: Up, start: Start) -> None:
    late = start(FACE_API_VAR_DIR=str(running.folder / "var"))
    assert late.status() == 1
    assert "another `face-api up` works in" in late.said


def test_up_tells_wrong_settings_together(start: Start) -> None:
    wrong = start(FACE_API_INPUT_SIZE="7", FACE_API_QUEUE_LIMIT="none")
    assert wrong.status() == 2
    assert "FACE_API_INPUT_SIZE" in wrong.said
    assert "FACE_API_QUEUE_LIMIT" in wrong.said
    assert "Traceback" not in wrong.said


def test_up_starts_again_as_it_was(start: Start) -> None:
    first = start().until_ready()
    credentials, children = first.credentials, first.children()
    first.process.terminate()
    assert _alive([first.process, *children], ENDS_WITHIN_S) == []
    assert first.status() == 0
    second = start(first.folder, PORT=first.port).until_ready()
    assert second.credentials == credentials


def test_up_starts_a_program_again(bare: Up) -> None:
    worker = bare.find("worker")
    assert worker is not None
    forked = worker.children()
    bare.kill("worker")
    assert _alive(forked, ENDS_WITHIN_S) == []  # two workers at a time would be one too many
    bare.until(lambda: bare.find("worker") is not None)
    assert "worker was ended by SIGKILL; it is started again in 0.5 s" in bare.said
    bare.until(lambda: get(f"{bare.url}/health").status_code == httpx.codes.OK)


def test_up_stops_when_a_program_always_dies(start: Start) -> None:
    up = start(FACE_API_DATABASE_ENABLED="false", FACE_API_API_KEY_ENABLED="false").until_ready()
    children = up.children()
    for _ in range(5):
        up.kill("worker.beat")
    assert _alive([up.process, *children], ENDS_WITHIN_S) == []
    assert up.status() == 1
    assert "beat was ended by SIGKILL, 5 times within 60 s; everything else was stopped" in up.said


def test_up_needs_no_database(bare: Up) -> None:
    assert "FACE_API_KEY" not in bare.credentials
    assert not list((bare.folder / "var").glob("*.sqlite3"))


def test_up_killed_leaves_nothing_behind(start: Start) -> None:
    up = start().until_ready()
    children = up.children()
    up.process.send_signal(signal.SIGKILL)
    assert _alive([up.process, *children], ENDS_WITHIN_S) == []
