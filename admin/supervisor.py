"""Run programs side by side: prefix their output with their names, and stop all of them when one exits."""

import asyncio
import ctypes
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# chosen: with the time for a KILL to take effect, everything has stopped within 10 s
GRACE_S = 6.0
LAST_GRACE_S = 2.0
OUTPUT_GRACE_S = 0.5
POLL_INTERVAL_S = 0.05
MAX_LINE_BYTES = 2**20

PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Loaded here, because after a fork it may wait for a lock that no thread will ever release.
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Program:
    """A program to run. stdin: its input, for secrets: every user of the machine can see a command line.

    stops_last: the other programs need it while they run.
    """

    name: str
    argv: list[str]
    stdin: bytes = b""
    stops_last: bool = False


class ProgramExited(Exception):
    """A program exited unexpectedly."""


@dataclass(frozen=True)
class Child:
    program: Program
    process: Process
    relay: asyncio.Task[None]


class Supervisor:
    """Starts programs, each as the leader of its own process group, and supervises them until all have stopped.

    environment: variables for every program, on top of this process's own. write_line: takes a line of output.
    """

    def __init__(self, environment: dict[str, str], write_line: Callable[[str], None]) -> None:
        self._environment = {**os.environ, **environment}
        self._write_line = write_line
        self._children: list[Child] = []
        self._stop_requested = asyncio.Event()

    async def start(self, programs: Iterable[Program]) -> None:
        """Start the programs; from now on stop signals are handled."""
        for number in STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._stop_requested.set)
        for program in programs:
            self._children.append(await self._start(program))

    async def watch(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work`, then wait for a stop signal; ProgramExited if a program exits before."""
        stop = asyncio.create_task(self._stop_requested.wait())
        exits = asyncio.gather(*(self._wait_for_exit(child) for child in self._children))
        waiting: set[asyncio.Future[Any]] = {stop, exits, asyncio.create_task(work)}
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
        """Stop every program and its descendants within GRACE_S + LAST_GRACE_S."""
        last = [child for child in self._children if child.program.stops_last]
        await _stop([child for child in self._children if child not in last], GRACE_S)
        await _stop(last, LAST_GRACE_S)

    async def _start(self, program: Program) -> Child:
        process = await asyncio.create_subprocess_exec(
            *program.argv,
            env=self._environment,
            stdin=PIPE if program.stdin else DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            limit=MAX_LINE_BYTES,
            start_new_session=True,
            preexec_fn=_stop_with_parent,
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

    async def _wait_for_exit(self, child: Child) -> NoReturn:
        status = await _exit_status(child)
        await asyncio.wait([child.relay], timeout=OUTPUT_GRACE_S)
        raise ProgramExited(f"{child.program.name} {_describe_status(status)}")


async def _stop(children: list[Child], grace_s: float) -> None:
    """Terminate the programs, and kill what is left of their process groups after the grace period."""
    if not children:
        return
    for child in children:
        if child.process.returncode is None:
            with suppress(ProcessLookupError):
                # Only the leader: it lets its own children finish their work.
                child.process.terminate()
    await asyncio.wait([asyncio.create_task(_exit_status(child)) for child in children], timeout=grace_s)
    for child in children:
        with suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)
    await asyncio.gather(*(_exit_status(child) for child in children))
    await asyncio.wait([child.relay for child in children], timeout=OUTPUT_GRACE_S)


async def _exit_status(child: Child) -> int:
    """Wait for the program itself: asyncio's own wait() continues while a forked child holds its output open."""
    while child.process.returncode is None:
        await asyncio.sleep(POLL_INTERVAL_S)
    return child.process.returncode


def _stop_with_parent() -> None:
    """Have Linux send TERM to this process when its parent dies, even by KILL."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _describe_status(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
