"""The server of a program's numbers: a port that is taken stops nobody, and only who serves it has it."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from core import config
from core.observability import exporter
from core.observability.exporter import PORTS_AFTER
from tests.ports import free_port
from tests.stack import ROOT

# Serves, and forks a process that outlives it.
PROGRAM = """
    import gc, os, sys, time
    from core import config
    from core.observability import exporter, logs

    exporter.AGAIN_AFTER_S = 0.05
    logs.configure("info")
    exporter.start(config.read(metrics_port=int(sys.argv[1])), "web")
    if not os.fork():
        time.sleep(60)
    print("started", gc.get_freeze_count(), flush=True)
    time.sleep(60)
"""


class Exporting:
    """A program that serves its numbers."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port, self.said = port, folder / "said"
        with self.said.open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-c", textwrap.dedent(PROGRAM), str(port)],
                stdout=said,
                stderr=said,
                cwd=ROOT,
                start_new_session=True,
            )
        self.until(lambda: "started" in self.said.read_text())

    def until(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 120
        while not what():
            assert time.monotonic() < deadline, self.said.read_text()
            time.sleep(0.05)

    def end(self) -> None:
        """End the program, but not what it has forked."""
        self.process.kill()
        self.process.wait()

    def answers(self) -> bool:
        try:
            answer = requests.get(f"http://127.0.0.1:{self.port}/metrics", timeout=30)
        except requests.RequestException:
            return False
        return 'face_api_build_info{program="web"' in answer.text


@pytest.fixture
def export(tmp_path: Path) -> Iterator[Callable[[int], Exporting]]:
    started: list[Exporting] = []

    def start(port: int) -> Exporting:
        started.append(Exporting(port, tmp_path))
        return started[-1]

    yield start
    for one in started:
        os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait()


def test_port_that_is_taken_is_served_when_it_is_free(export: Callable[[int], Exporting]) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        program = export(port)
        assert '"metrics_not_served"' in program.said.read_text()
    program.until(program.answers)


def test_process_that_outlives_the_program_frees_its_port(export: Callable[[int], Exporting]) -> None:
    program = export(free_port())
    assert program.answers()
    program.end()
    socket.create_server(("127.0.0.1", program.port)).close()


def test_scrape_goes_through_nothing_that_was_loaded_before(export: Callable[[int], Exporting]) -> None:
    said = export(free_port()).said.read_text()
    assert int(said.partition("started ")[2].split()[0]) > 0, "all of it is collected again and again"


def test_programs_of_one_machine_have_ports_of_their_own() -> None:
    found = exporter.ports(config.read(metrics_port=9464))
    assert sorted(found.values()) == [9464, 9465, 9466]
    assert found.keys() == PORTS_AFTER.keys()
    assert exporter.ports(config.read(metrics_port=0)) == {}
