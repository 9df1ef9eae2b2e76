"""The supervisor alone, with programs that misbehave."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from admin import supervisor
from admin.supervisor import MAX_LINE_BYTES, Program, ProgramExited, Supervisor

STUBBORN = (
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); "
    "time.sleep(60); print('outlasted', flush=True)"
)
POLITE = (
    "import signal, sys, time; signal.signal(15, lambda *_: sys.exit('bye')); print('here', flush=True); time.sleep(60)"
)
FORKING = "import os, time; os.write(1, b'%d\\n' % os.fork()); time.sleep(60)"
LONG = f"print('x' * {2 * MAX_LINE_BYTES}); print('after')"
Said = list[str]


class Enough(Exception):
    """What was waited for has been said."""


def _python(name: str, code: str, stdin: bytes = b"", stop_order: int = 1) -> Program:
    return Program(name, [sys.executable, "-c", code], stdin=stdin, stop_order=stop_order)


def _run(*programs: Program, until: Callable[[Said], bool] = lambda said: False, grace_s: float = 0.5) -> Said:
    """Run programs until they have said something, or the supervisor gives up, which is said last; then stop them."""
    said: Said = []

    async def wait() -> None:
        while not until(said):
            await asyncio.sleep(0.01)
        raise Enough

    async def run() -> None:
        supervisor = Supervisor({"GREETING": "hello"}, said.append, grace_s)
        try:
            await supervisor.start(programs)
            await supervisor.watch(wait())
        except (Enough, ProgramExited) as ended:
            said.extend(str(word) for word in ended.args)
        finally:
            await supervisor.stop()

    asyncio.run(run())
    return said


def _again(said: Said) -> bool:
    return "started again" in said[-1] if said else False


def test_supervisor_relays_all_output() -> None:
    said = _run(_python("one", "import os, sys; print(os.environ['GREETING']); sys.exit('bye')"), until=_again)
    assert sorted(said[:2]) == ["one    | bye", "one    | hello"]


def test_supervisor_gives_stdin_and_tells_status() -> None:
    said = _run(_python("two", "import sys; print(sys.stdin.read()); sys.exit(3)", stdin=b"secret"), until=_again)
    assert said == ["two    | secret", "two ended with status 3; it is started again in 0.5 s"]


def test_supervisor_names_the_log_of_what_has_exited(tmp_path: Path) -> None:
    quiet = Program("quiet", [sys.executable, "-c", "raise SystemExit(3)"], log=tmp_path / "quiet.log")
    said = _run(quiet, until=_again)
    assert said == [f"quiet ended with status 3 (its log: {tmp_path / 'quiet.log'}); it is started again in 0.5 s"]


def test_supervisor_survives_endless_lines() -> None:
    assert _run(_python("three", LONG), until=_again)[-2] == "three  | after"


def test_supervisor_gives_up_what_always_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 0.001)
    said = _run(_python("four", "import os; os.kill(os.getpid(), 9)"), _python("other", POLITE))
    told = [line for line in said if line.startswith("four")]
    assert [line.rpartition(" in ")[2] for line in told[:4]] == ["0.001 s", "0.002 s", "0.004 s", "0.008 s"]
    assert told[4:] == ["four was ended by SIGKILL, 5 times within 60 s"]


def test_supervisor_kills_what_stays() -> None:
    said = _run(_python("deaf", STUBBORN), until=bool)
    assert said == ["deaf   | deaf"]  # had it not been killed, it would say more in a minute


def test_supervisor_stops_in_order() -> None:
    programs = [_python("last", POLITE, stop_order=2), _python("first", POLITE, stop_order=0), _python("then", POLITE)]
    said = _run(*programs, until=lambda said: len(said) == 3, grace_s=60)
    assert said[3:] == ["first  | bye", "then   | bye", "last   | bye"]


def test_second_interrupt_ends_the_grace() -> None:
    def interrupt(said: Said) -> bool:
        if said:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
        return False

    assert _run(_python("deaf", STUBBORN), until=interrupt, grace_s=3600) == ["deaf   | deaf"]


def test_supervisor_notices_an_end_before_its_forks() -> None:
    fork = "import os, time; os.fork() or (time.sleep(60), print('fork', flush=True))"
    said = _run(_python("parent", fork), until=_again)
    assert said == ["parent ended with status 0; it is started again in 0.5 s"]  # its fork would speak in a minute


def test_supervisor_leaves_no_grandchildren() -> None:
    said = _run(_python("parent", FORKING), until=lambda said: len(said) == 2)
    child = next(int(line.split("| ")[1]) for line in said if line != "parent | 0")
    # The signal has been sent; a busy machine takes a moment to carry it out.
    deadline = time.monotonic() + 120
    while _runs(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(process: int) -> bool:
    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


FAMILY = (
    "import os, signal, time; signal.signal(15, signal.SIG_IGN); os.fork(); os.write(1, b'here %d\\n' % os.getpid()); "
    "time.sleep(60)"
)
KILLED = """
import asyncio, sys
from admin.supervisor import Program, Supervisor

async def run():
    supervisor = Supervisor({}, lambda line: print(line, flush=True), 60)
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
    _, alive = psutil.wait_procs(found, timeout=120)
    assert [one for one in alive if _runs(one.pid)] == []
