"""Run programs side by side: prefix their output with their names, and stop all of them when one exits."""

import asyncio
import os
import signal
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# chosen: with the time for a KILL to take effect, everything has stopped within 10 s
GRACE_S = 6.0
LAST_GRACE_S = 2.0
OUTPUT_GRACE_S = 0.5
POLL_INTERVAL_S = 0.05
MAX_LINE_BYTES = 2**20


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


class Watchdog:
    """The process of `admin/watchdog.py`, beside this one; in a session of its own, which no Ctrl-C reaches."""

    def __init__(self) -> None:
        reading, self._pipe = os.pipe()
        argv = [sys.executable, "-m", "admin.watchdog"]
        self._process = subprocess.Popen(argv, stdin=reading, stdout=DEVNULL, start_new_session=True)
        os.close(reading)

    def started(self, stops_last: bool) -> None:
        """Tell that this very process is a program, before it becomes that."""
        os.write(self._pipe, f"{'started-last' if stops_last else 'started'} {os.getpid()}\n".encode())

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
    A watchdog ends the programs when this process is killed.
    """

    def __init__(self, environment: dict[str, str], write_line: Callable[[str], None]) -> None:
        self._environment = {**os.environ, **environment}
        self._write_line = write_line
        self._children: list[Child] = []
        self._stop_requested = asyncio.Event()
        self._watchdog = Watchdog()

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
        for child in self._children:
            self._watchdog.ended(child.process.pid)
        self._watchdog.close()

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
            preexec_fn=partial(self._watchdog.started, program.stops_last),
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


def _describe_status(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
