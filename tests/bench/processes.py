"""Programs of tests/bench/programs as subjects of a measurement: each in processes of its own, with its own Python."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from core import config
from tests.bench.load import Done
from tests.stack import ROOT


class Programs:
    """A program of tests/bench/programs in one or more processes, each with a share of the pictures."""

    def __init__(self, name: str, command: Sequence[str], files: Sequence[Path], processes: int, log: Path) -> None:
        self.name, self.command, self.log = name, command, log
        self.shares = [[*map(str, files[number::processes])] for number in range(processes)]
        self.processes: list[subprocess.Popen[str]] = []
        self.beside: Mapping[str, list[int]] = {}

    @property
    def parts(self) -> Mapping[str, list[int]]:
        return {"program": [process.pid for process in self.processes]}

    @contextlib.contextmanager
    def running(self, environment: Mapping[str, str]) -> Iterator["Programs"]:
        """Start the processes, one after the other, and end them afterwards."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(config.PREFIX)}
        own = {**inherited, "PYTHONPATH": str(ROOT), "ORT_DISABLE_TELEMETRY": "1", **environment}
        with contextlib.ExitStack() as stack:
            log = stack.enter_context(self.log.open("a"))
            for files in self.shares:
                # At the end, its closed standard input ends it.
                process = stack.enter_context(
                    subprocess.Popen(
                        self.command,
                        cwd=self.log.parent,
                        env=own,
                        text=True,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=log,
                    )
                )
                self.processes.append(process)
                self._tell(process, json.dumps(files))
                self._answer(process)
            yield self

    def prepare(self) -> None:
        pass

    def work(self, seconds: float) -> Done:
        for process in self.processes:
            self._tell(process, str(seconds))
        answers = [json.loads(self._answer(process)) for process in self.processes]
        rate = sum(len(one["ms"]) / one["elapsed_s"] for one in answers)
        ms = [ms for one in answers for ms in one["ms"]]
        return Done(ms, len(ms) / rate, len(ms))

    def _tell(self, process: "subprocess.Popen[str]", line: str) -> None:
        assert process.stdin
        process.stdin.write(f"{line}\n")
        process.stdin.flush()

    def _answer(self, process: "subprocess.Popen[str]") -> str:
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(self.command)} has ended:\n{self.log.read_text()[-2000:]}")
        return line
