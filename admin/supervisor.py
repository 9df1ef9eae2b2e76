"""Run programs side by side: their output with their names before it, and all of them ended when one ends."""

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

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# chosen: with what is left for a KILL to take effect, all is over within 10 s
GRACE_S = 6.0
LAST_GRACE_S = 2.0
LAST_WORDS_S = 0.5
LOOK_EVERY_S = 0.05
LONGEST_LINE = 2**20

PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Loaded here, because after a fork it may wait for a lock that nobody holds any more.
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Program:
    """What is run. stdin: what it reads there, for secrets: a command line can be seen by the whole machine.

    ends_last: the others need it for as long as they run.
    """

    name: str
    argv: list[str]
    stdin: bytes = b""
    ends_last: bool = False


class Ended(Exception):
    """A program ended that was to run on."""


@dataclass(frozen=True)
class Child:
    program: Program
    process: Process
    relay: asyncio.Task[None]


class Supervisor:
    """Starts programs, each the leader of its own group, and stands for them until all are ended.

    environment: set for every program, above this process's own. say: takes a line of output.
    """

    def __init__(self, environment: dict[str, str], say: Callable[[str], None]) -> None:
        self._environment = {**os.environ, **environment}
        self._say = say
        self._children: list[Child] = []
        self._asked = asyncio.Event()

    async def start(self, programs: Iterable[Program]) -> None:
        """Start the programs. From now on the signals that ask to stop are noticed."""
        for number in ASKING:
            asyncio.get_running_loop().add_signal_handler(number, self._asked.set)
        for program in programs:
            self._children.append(await self._start(program))

    async def watch(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work` and then wait until a signal asks to stop; a program that ends before is told of by Ended."""
        asked = asyncio.create_task(self._asked.wait())
        ends = asyncio.gather(*(self._until_ended(child) for child in self._children))
        waiting: set[asyncio.Future[Any]] = {asked, ends, asyncio.create_task(work)}
        try:
            while asked in waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for future in done:
                    future.result()
        finally:
            for future in waiting:
                future.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def stop(self) -> None:
        """End every program within GRACE_S + LAST_GRACE_S, and whatever it has started."""
        last = [child for child in self._children if child.program.ends_last]
        await _end([child for child in self._children if child not in last], GRACE_S)
        await _end(last, LAST_GRACE_S)

    async def _start(self, program: Program) -> Child:
        process = await asyncio.create_subprocess_exec(
            *program.argv,
            env=self._environment,
            stdin=PIPE if program.stdin else DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            limit=LONGEST_LINE,
            start_new_session=True,
            preexec_fn=_end_with_parent,
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
                line = b"(a line of more than 1 MiB was left out)\n"
            if not line:
                return
            self._say(f"{name:<6} | {line.decode(errors='replace').rstrip()}")

    async def _until_ended(self, child: Child) -> NoReturn:
        status = await _exit_status(child)
        await asyncio.wait([child.relay], timeout=LAST_WORDS_S)
        raise Ended(f"{child.program.name} {_words(status)}")


async def _end(children: list[Child], grace_s: float) -> None:
    """Ask the programs to end, and kill what is left of their groups after the grace."""
    if not children:
        return
    for child in children:
        if child.process.returncode is None:
            with suppress(ProcessLookupError):
                # The leader alone: it lets its own children finish what they hold.
                child.process.terminate()
    await asyncio.wait([asyncio.create_task(_exit_status(child)) for child in children], timeout=grace_s)
    for child in children:
        with suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)
    await asyncio.gather(*(_exit_status(child) for child in children))
    await asyncio.wait([child.relay for child in children], timeout=LAST_WORDS_S)


async def _exit_status(child: Child) -> int:
    """Wait for the program itself: asyncio's own wait() goes on while something it forked holds its output open."""
    while child.process.returncode is None:
        await asyncio.sleep(LOOK_EVERY_S)
    return child.process.returncode


def _end_with_parent() -> None:
    """Have Linux send TERM to this process when its parent dies, even of a KILL."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _words(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
