"""The supervisor alone, with programs that misbehave."""

import asyncio
import subprocess
import sys
import time

import psutil
import pytest

from admin.supervisor import MAX_LINE_BYTES, Program, ProgramExited, Supervisor

STUBBORN = (
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); "
    "time.sleep(60); print('outlasted', flush=True)"
)
FORKING = "import os, time; print(os.fork(), flush=True); time.sleep(60)"
LONG = f"print('x' * {2 * MAX_LINE_BYTES}); print('after')"


def _python(name: str, code: str, stdin: bytes = b"") -> Program:
    return Program(name, [sys.executable, "-c", code], stdin=stdin)


def _run(*programs: Program) -> tuple[list[str], str]:
    """Run programs until one ends; return the lines that were said, and how it was told."""
    said: list[str] = []

    async def run() -> str:
        supervisor = Supervisor({"GREETING": "hello"}, said.append)
        try:
            await supervisor.start(programs)
            await supervisor.watch(asyncio.sleep(0))
        except ProgramExited as error:
            return str(error)
        finally:
            await supervisor.stop()
        return ""

    return said, asyncio.run(run())


def test_supervisor_relays_all_output() -> None:
    said, _ = _run(_python("one", "import os, sys; print(os.environ['GREETING']); sys.exit('bye')"))
    assert sorted(said) == ["one    | bye", "one    | hello"]


def test_supervisor_gives_stdin_and_status() -> None:
    said, reported = _run(_python("two", "import sys; print(sys.stdin.read()); sys.exit(3)", stdin=b"secret"))
    assert (said, reported) == (["two    | secret"], "two ended with status 3")


def test_supervisor_survives_endless_lines() -> None:
    said, _ = _run(_python("three", LONG))
    assert said[-1] == "three  | after"


@pytest.mark.slow
def test_supervisor_kills_what_stays() -> None:
    said, _ = _run(_python("deaf", STUBBORN), _python("short", "import time; time.sleep(4)"))
    assert said == ["deaf   | deaf"]  # had it not been killed, it would say more in a minute


def test_supervisor_notices_an_end_before_its_forks() -> None:
    said, reported = _run(
        _python("parent", "import os, time; os.fork() or (time.sleep(60), print('fork', flush=True))")
    )
    assert (said, reported) == ([], "parent ended with status 0")  # its fork would speak in a minute


@pytest.mark.slow
def test_supervisor_leaves_no_grandchildren() -> None:
    said, reported = _run(_python("parent", FORKING), _python("short", "import time; time.sleep(4)"))
    assert reported == "short ended with status 0"
    child = next(int(line.split("| ")[1]) for line in said if line.startswith("parent") and line != "parent | 0")
    # The signal has been sent; a busy machine takes a moment to carry it out.
    deadline = time.monotonic() + 20
    while _runs(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(process: int) -> bool:
    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


FAMILY = (
    "import os, signal, time; signal.signal(15, signal.SIG_IGN); os.fork(); print('here', os.getpid(), flush=True); "
    "time.sleep(60)"
)
KILLED = """
import asyncio, sys
from admin.supervisor import Program, Supervisor

async def run():
    supervisor = Supervisor({}, lambda line: print(line, flush=True))
    await supervisor.start([Program("deaf", [sys.executable, "-c", sys.argv[1]])])
    await supervisor.watch(asyncio.sleep(0))

asyncio.run(run())
"""


def test_supervisor_killed_leaves_nothing() -> None:
    argv = [sys.executable, "-c", KILLED, FAMILY]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        lines = [supervisor.stdout.readline() for _ in range(2)]
        started = [int(line.split()[-1]) for line in lines]
        found = psutil.Process(supervisor.pid).children(recursive=True)
        supervisor.kill()
    assert set(started) < {one.pid for one in found}  # and the watchdog itself
    _, alive = psutil.wait_procs(found, timeout=20)
    assert [one for one in alive if _runs(one.pid)] == []
