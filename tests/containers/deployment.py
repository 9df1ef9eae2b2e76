"""The compose file as an operator runs it: in a copy of the repository, with an .env by the documented command."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from core.config import ROOT
from tests.compose import files
from tests.containers.engine import CGROUP, CGROUPS, DockerFailed, docker, inspected
from tests.docs import documents

URL = "http://127.0.0.1:8000"
PICTURE = ROOT / "docs" / "before.jpg"
UNNEEDED = shutil.ignore_patterns(".git", ".venv", "var", "build", "node_modules", "__pycache__", ".*_cache", "*.onnx")
SETTLED_WITHIN_S = 300  # chosen: what comes back in a few seconds takes minutes while this machine does much else


@dataclass
class Deployment:
    """The service in containers. figures: what was measured on the way, for the end of the run."""

    folder: Path
    figures: dict[str, str] = field(default_factory=dict)

    def prepare(self) -> None:
        """Copy the repository, and fill in the secrets."""
        shutil.copytree(ROOT, self.folder, ignore=UNNEEDED)
        lines = (documents.DOCS / "deployment.md").read_text().splitlines()
        (fill_in,) = [line for line in lines if line.startswith("(umask 077; while read")]
        subprocess.run(["sh", "-euc", fill_in], cwd=self.folder / "compose", check=True)

    def compose(self, *arguments: str, timeout_s: float = 900) -> str:
        return docker("compose", *arguments, cwd=self.folder / "compose", timeout_s=timeout_s)

    def measured(self, what: str, *arguments: str) -> None:
        """Run a command of Compose, and note how long it takes."""
        started = time.monotonic()
        try:
            self.compose(*arguments)
        except DockerFailed as error:
            raise DockerFailed(f"{error}\n{self.compose('logs', '--no-color', '--tail', '12')}") from error
        self.figures[what] = f"{time.monotonic() - started:.0f} s"

    def within(self, service: str, script: str) -> str:
        """Run a line in the shell of a service's container."""
        return self.compose("exec", "-T", service, "sh", "-c", script)

    def containers(self, service: str) -> list[str]:
        return self.compose("ps", "--quiet", service).split()

    def state(self, service: str) -> dict[str, Any]:
        """Return what the engine knows of a service's only container."""
        (container,) = self.containers(service)
        return inspected(container)

    @cached_property
    def secrets(self) -> dict[str, str]:
        return files.assigned((self.folder / "compose" / ".env").read_text())

    @cached_property
    def key(self) -> str:
        """An API key, made by the documented command."""
        said = self.compose("exec", "-T", "web", "face-api", "keys", "create", "first")
        (key,) = re.findall(r"\b[A-Za-z0-9_-]{30,}\b", said)
        return str(key)

    def masked(self) -> bytes:
        """Mask a picture; return the answer's."""
        with PICTURE.open("rb") as file:
            answer = httpx.post(
                f"{URL}/api/v1/mask", headers={"X-API-Key": self.key}, files={"image": file}, timeout=60
            )
        answer.raise_for_status()
        assert answer.headers["X-Image-Id"], "it was not kept"
        return answer.content

    def kept(self) -> int:
        """Return how many images the service has."""
        answer = httpx.get(
            f"{URL}/api/v1/admin/stats", auth=("admin", self.secrets["FACE_API_ADMIN_PASSWORD"]), timeout=10
        )
        return int(answer.raise_for_status().json()["total_images"])

    def wait_until_healthy(self) -> None:
        """Wait until /health is 200: everything is there, also what has just been killed."""
        self.wait_until(_healthy)

    def wait_until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SETTLED_WITHIN_S
        while not true():
            assert time.monotonic() < deadline, self.compose("ps", "--all")
            time.sleep(0.2)

    def memory(self) -> dict[str, str]:
        """Return what each container holds now."""
        lines = docker("stats", "--no-stream", "--format", "json").splitlines()
        return {one["Name"]: one["MemUsage"].partition(" /")[0] for one in map(json.loads, lines)}

    def most_memory(self, container: str) -> int:
        """Return the most that a container has held since it was started, in bytes."""
        group = f"{CGROUP}/{container}"
        for file in (CGROUPS / "memory" / group / "memory.max_usage_in_bytes", CGROUPS / group / "memory.peak"):
            if file.exists():
                return int(file.read_text())
        raise AssertionError("the kernel doesn't tell")


def _healthy() -> bool:
    try:
        return httpx.get(f"{URL}/health", timeout=8).status_code == 200
    except httpx.HTTPError:
        return False
