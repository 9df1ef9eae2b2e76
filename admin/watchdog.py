"""Ends the programs of a supervisor that was killed: runs beside it and reads a pipe, which only its death closes.

A line of the pipe is `started PROCESS`, `started-last PROCESS` (the others need it while they end) or `ended PROCESS`.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import TextIO

# chosen: what is nearly done may be finished; nobody waits for the rest, because Ctrl-C would have been the way
GRACE_S = 4.0
LAST_GRACE_S = 1.0
POLL_INTERVAL_S = 0.05


def main() -> None:
    """Wait for the end of the pipe, then end what still runs."""
    # Whoever ends the whole group or service must not end this one first.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    first, last = _running(sys.stdin)
    _end(first, GRACE_S)
    _end(last, LAST_GRACE_S)


def _running(lines: TextIO) -> tuple[set[int], set[int]]:
    """Read to the end and return the programs that have not ended: those that end first, and those that end last."""
    programs: dict[str, set[int]] = {"started": set(), "started-last": set()}
    for line in lines:
        event, process = line.split()
        if event == "ended":
            for processes in programs.values():
                processes.discard(int(process))
        else:
            programs[event].add(int(process))
    return programs["started"], programs["started-last"]


def _end(leaders: Iterable[int], grace_s: float) -> None:
    """Terminate the leaders of process groups, and kill what is left of the groups after the grace period."""
    for leader in leaders:
        with suppress(ProcessLookupError):
            os.kill(leader, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while any(map(_exists, leaders)) and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL_S)
    for leader in leaders:
        with suppress(ProcessLookupError):
            os.killpg(leader, signal.SIGKILL)


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
