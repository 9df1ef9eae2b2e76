"""A Docker Engine of the tests' own."""

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.config import ROOT

STARTED_WITHIN_S = 60
STOPPED_WITHIN_S = 30
CGROUP = "face-api-containers"
CGROUPS = Path("/sys/fs/cgroup")


class DockerFailed(Exception):
    """A command of Docker has failed; the message is what it said."""


@dataclass
class Engine:
    """A running engine. state: the folder that keeps its images and volumes."""

    state: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        plugins = self.state / "client" / "cli-plugins"
        plugins.mkdir(parents=True, exist_ok=True)
        for name in ("docker-compose", "docker-buildx"):
            link = plugins / name
            link.unlink(missing_ok=True)
            link.symlink_to(self.state / "root/usr/libexec/docker/cli-plugins" / name)
        folders = [f"--data-root={self.state / 'data'}", f"--init-path={self.state / 'root/usr/bin/tini-static'}"]
        with (self.state / "dockerd.log").open("wb") as log:
            self.process = subprocess.Popen(
                ["dockerd", *folders, f"--cgroup-parent=/{CGROUP}"], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + STARTED_WITHIN_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = (self.state / "dockerd.log").read_text().splitlines()[-3:]
                raise DockerFailed("dockerd doesn't start here:\n" + "\n".join(said))
            time.sleep(0.2)

    def stop(self) -> None:
        """End it, and take away the cgroups that it has made."""
        if self.process:
            self.process.terminate()
            self.process.wait(STOPPED_WITHIN_S)
        for parent in (CGROUPS, *CGROUPS.glob("*/")):
            for folder, _, _ in os.walk(parent / CGROUP, topdown=False):
                Path(folder).rmdir()

    def _answers(self) -> bool:
        return not subprocess.run(["docker", "version"], capture_output=True, check=False).returncode


def docker(*arguments: str, cwd: Path = ROOT, data: str | None = None, timeout_s: float = 900) -> str:
    """Run a command of Docker and return what it says; DockerFailed."""
    done = subprocess.run(
        ["docker", *arguments], cwd=cwd, input=data, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    if done.returncode:
        raise DockerFailed(f"docker {' '.join(arguments)}:\n{done.stdout[-1000:]}\n{done.stderr[-1000:]}")
    return done.stdout


def inspected(name: str) -> dict[str, Any]:
    """Return what the engine knows of a container or an image."""
    found: dict[str, Any] = json.loads(docker("inspect", name))[0]
    return found
