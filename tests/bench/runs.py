"""One run of a bench: its pictures, how long it measures, and the services and programs that it starts and ends."""

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import requests

from core import config
from core.config import Settings
from core.system import cpus
from tests import postgres, swift
from tests.bench import inputs, load
from tests.bench.callers import Calls
from tests.bench.load import Subject
from tests.bench.performance_report import Row
from tests.bench.processes import Programs
from tests.stack import Stack

OFF = {"FACE_API_STORAGE_ENABLED": "false"}
PIPELINE, RUNTIME = "tests.bench.programs.pipeline", "tests.bench.programs.runtime"


@dataclass(frozen=True)
class Length:
    """How much is measured. seconds: of a measurement, at least; rounds: of each comparison; times: of each point."""

    pictures: int
    seconds: float
    rounds: int
    times: int

    def __str__(self) -> str:
        if not self.seconds:
            return "a quick trial; its figures say little"
        return f"{self.rounds} rounds of at least {self.seconds:g} s each; each point of a curve {self.times} times"


FULL, QUICK = Length(40, 4, 3, 3), Length(4, 0, 2, 1)  # chosen: a quarter of an hour on two CPUs, a minute or two


@dataclass(frozen=True)
class Run:
    """What all comparisons of a run share. folder: where everything that is written goes."""

    length: Length
    settings: Settings
    files: Sequence[Path]
    folder: Path
    processes: int

    @classmethod
    def begin(cls, length: Length, shared: Path | None, folder: Path) -> "Run":
        """Write the pictures to files, for the programs."""
        files = []
        for number, picture in enumerate(inputs.pictures(shared, length.pictures)):
            files.append(folder / f"{number:03}.jpg")
            files[-1].write_bytes(picture)
        return cls(length, inputs.settings(shared), files, folder, cpus.available())

    def with_pictures(self, count: int) -> "Run":
        """Return the same run with only so many of the pictures, evenly spaced."""
        few = min(count, len(self.files))
        return replace(self, files=[self.files[number * len(self.files) // few] for number in range(few)])

    def with_sizes(self, size: int) -> "Run":
        """Return the same run with the pictures encoded anew, to about so many bytes each."""
        folder = self.new_folder("sized")
        files = [folder / file.name for file in self.files]
        for file, picture in zip(files, self.pictures, strict=True):
            file.write_bytes(inputs.weighing(picture, size))
        return replace(self, files=files)

    @cached_property
    def pictures(self) -> list[bytes]:
        return [file.read_bytes() for file in self.files]

    @property
    def environment(self) -> dict[str, str]:
        return inputs.environment(self.settings, self.processes)

    @contextlib.contextmanager
    def service(self, own: Mapping[str, str] = OFF) -> Iterator[Stack]:
        """Start a service; by default one that keeps nothing."""
        stack = Stack(self.new_folder("service"), {**self.environment, **own})
        try:
            yield stack.start()
        finally:
            stack.stop()

    @contextlib.contextmanager
    def servers(self) -> Iterator[tuple[dict[str, str], dict[str, list[int]]]]:
        """Start a Postgres and a Swift; yield the settings of a service that uses them, and their process ids."""
        with postgres.running() as server:
            server.execute("CREATE DATABASE bench")
            node = swift.start(self.new_folder("swift"))
            try:
                values = node.settings() | {"database_url": server.url("bench"), "s3_bucket": "bench"}
                own = {f"{config.PREFIX}{name.upper()}": value for name, value in values.items()}
                yield own, {"postgres": [server.pid], "swift": [node.process.pid]}
            finally:
                node.stop()

    def programs(self, name: str, module: Sequence[str], processes: int, python: str = sys.executable) -> Programs:
        """Make a subject of a program; it is not started yet."""
        log = self.folder / f"{module[0].rpartition('.')[2]}.log"
        return Programs(name, [python, "-m", *module], self.files, processes, log)

    def calls(self, name: str, stack: Stack, path: str, clients: int) -> Calls:
        """Make a subject of a service, warmed up."""
        found = Calls(name, stack, f"/api/v1/{path}", clients, self.pictures)
        Calls(name, stack, found.path, self.processes, self.pictures[:3]).work(0)
        return found

    def rows(self, subjects: Sequence[Subject], against: Mapping[str, str]) -> list[Row]:
        """Measure subjects in turn."""
        found = load.in_turn(subjects, self.length.rounds, self.length.seconds)
        return [Row(name, rounds, against.get(name, "")) for name, rounds in found.items()]

    def new_folder(self, name: str) -> Path:
        """Make an empty folder."""
        taken = len(list(self.folder.glob(f"{name}-*")))
        made = self.folder / f"{name}-{taken}"
        made.mkdir()
        return made


def precision(stack: Stack, picture: bytes) -> str:
    """Return what a service says of the precision that its network runs in."""
    headers, files = {"X-API-Key": stack.key}, {"image": picture}
    answer: Any = requests.post(f"{stack.url}/api/v1/detect", headers=headers, files=files, timeout=60).json()
    return str(answer["processing"]["precision"])
