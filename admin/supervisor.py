"""Run programs side by side: prefix their output, start again what dies, and stop all of them together, in order."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
OUTPUT_GRACE_S = 0.5
POLL_INTERVAL_S = 0.05
MAX_LINE_BYTES = 2**20
# chosen: one crash passes unnoticed by callers who wait; what dies five times in a minute will not be well by itself
FIRST_PAUSE_S = 0.5
MAX_DEATHS = 5
WITHIN_S = 60.0


@dataclass(frozen=True)
class Program:
    """A program to run. stdin: its input, for secrets: every user of the machine can see a command line.

    log: the file where it tells more than in its output, which is named when it has exited.
    stop_order: programs of a lower number are stopped first, because they need those of a higher one to end their work.
    """

    name: str
    argv: list[str]
    stdin: bytes = b""
    stop_order: int = 1
    log: Path | None = None


class ProgramExited(Exception):
    """A program exited again and again."""


@dataclass(frozen=True)
class Child:
    program: Program
    process: Process
    relay: asyncio.Task[None]


class Watchdog:
    """The process of `admin/watchdog.py`, beside this one; in a session of its own, which no Ctrl-C reaches."""

    def __init__(self) -> None:
        reading, self._pipe = os.pipe()
        argv = [sys.executable, "-m", "admin.watchdog"]
        self._process = subprocess.Popen(argv, stdin=reading, stdout=DEVNULL, start_new_session=True)
        os.close(reading)

    def started(self, stop_order: int) -> None:
        """Tell that this very process is a program, before it becomes that."""
        os.write(self._pipe, f"{stop_order} {os.getpid()}\n".encode())

    def ended(self, process: int) -> None:
        """Tell that a program has ended: its number may soon be another's."""
        with suppress(BrokenPipeError):
            os.write(self._pipe, f"ended {process}\n".encode())

    def close(self) -> None:
        """Let it end what has not ended, which is nothing if all was told."""
        os.close(self._pipe)
        self._process.wait()


class Supervisor:
    """Starts programs, each as the leader of its own process group, and supervises them until all have stopped.

    environment: variables for every program, on top of this process's own. write_line: takes a line of output.
    grace_s: how long programs that are stopped may take, and those that wait for them again.
    A watchdog ends the programs when this process is killed.
    """

    def __init__(self, environment: dict[str, str], write_line: Callable[[str], None], grace_s: float) -> None:
        self._environment = {**os.environ, **environment}
        self._write_line = write_line
        self._grace_s = grace_s
        self._children: dict[str, Child] = {}
        self._stop_requested, self._hurried = asyncio.Event(), asyncio.Event()
        self._watchdog = Watchdog()

    async def start(self, programs: Iterable[Program]) -> None:
        """Start the programs; from now on stop signals are handled."""
        for number in STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._request_stop, number)
        for program in programs:
            self._children[program.name] = await self._start(program)

    async def watch(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work`, and the programs until a stop signal; ProgramExited if one exits MAX_DEATHS times WITHIN_S."""
        stop = asyncio.create_task(self._stop_requested.wait())
        programs = [child.program for child in self._children.values()]
        kept = [asyncio.create_task(self._keep_running(program)) for program in programs]
        waiting: set[asyncio.Future[Any]] = {stop, asyncio.create_task(work), *kept}
        try:
            while stop in waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for future in done:
                    future.result()
        finally:
            for future in waiting:
                future.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def stop(self) -> None:
        """Stop every program and its descendants, in their order; a second Ctrl-C ends the grace."""
        self._stop_requested.set()
        children = list(self._children.values())
        for order in sorted({child.program.stop_order for child in children}):
            await self._stop([child for child in children if child.program.stop_order == order])
        self._watchdog.close()

    def _request_stop(self, number: signal.Signals) -> None:
        if number == signal.SIGINT and self._stop_requested.is_set():
            self._hurried.set()
        self._stop_requested.set()

    async def _start(self, program: Program) -> Child:
        process = await asyncio.create_subprocess_exec(
            *program.argv,
            env=self._environment,
            stdin=PIPE if program.stdin else DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            limit=MAX_LINE_BYTES,
            start_new_session=True,
            # Runs in the program's own process: it is known before it can be left behind.
            preexec_fn=partial(self._watchdog.started, program.stop_order),
        )
        relay = asyncio.create_task(self._relay(program.name, process))
        if process.stdin:
            process.stdin.write(program.stdin)
            process.stdin.close()
        return Child(program, process, relay)

    async def _relay(self, name: str, process: Process) -> None:
        while process.stdout is not None:
            try:
                line = await process.stdout.readline()
            except ValueError:
                line = b"(a line of more than 1 MiB was dropped)\n"
            if not line:
                return
            self._write_line(f"{name:<6} | {line.decode(errors='replace').rstrip()}")

    async def _keep_running(self, program: Program) -> NoReturn:
        """Start a program again whenever it has exited, later and later."""
        deaths: list[float] = []
        while True:
            child = self._children[program.name]
            status = await _exit_status(child)
            await self._clear([child])
            deaths = [death for death in deaths if death > time.monotonic() - WITHIN_S] + [time.monotonic()]
            what = f"{program.name} {_describe_status(status)}" + (f" (its log: {program.log})" if program.log else "")
            if len(deaths) == MAX_DEATHS:
                raise ProgramExited(f"{what}, {MAX_DEATHS} times within {WITHIN_S:.0f} s")
            pause_s = FIRST_PAUSE_S * 2 ** (len(deaths) - 1)
            self._write_line(f"{what}; it is started again in {pause_s:g} s")
            await asyncio.sleep(pause_s)
            self._children[program.name] = await self._start(program)

    async def _stop(self, children: list[Child]) -> None:
        """Terminate programs, and kill what is left of their process groups after the grace period."""
        for child in children:
            if child.process.returncode is None:
                with suppress(ProcessLookupError):
                    # Only the leader: it lets its own children finish their work.
                    child.process.terminate()
        exits: asyncio.Future[Any] = asyncio.gather(*(_exit_status(child) for child in children))
        hurried: asyncio.Future[Any] = asyncio.create_task(self._hurried.wait())
        await asyncio.wait([exits, hurried], timeout=self._grace_s, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        await self._clear(children)
        await exits

    async def _clear(self, children: list[Child]) -> None:
        """Kill what is left of programs: themselves, and what they have forked."""
        for child in children:
            with suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)
            self._watchdog.ended(child.process.pid)
            self._children.pop(child.program.name)
        await asyncio.wait([child.relay for child in children], timeout=OUTPUT_GRACE_S)


async def _exit_status(child: Child) -> int:
    """Wait for the program itself: asyncio's own wait() continues while a forked child holds its output open."""
    while child.process.returncode is None:
        await asyncio.sleep(POLL_INTERVAL_S)
    return child.process.returncode


def _describe_status(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
