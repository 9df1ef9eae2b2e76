"""Ends the programs of a supervisor that was killed: runs beside it and reads a pipe, which only its death closes.

A line of the pipe is `STOP_ORDER PROCESS`, or `ended PROCESS`.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import TextIO

# chosen: for each step of the order; what is nearly done may end, and Ctrl-C would have been the way to wait for more
GRACE_S = 2.0
POLL_INTERVAL_S = 0.05


def main() -> None:
    """Wait for the end of the pipe, then end what still runs."""
    # Whoever ends the whole group or service must not end this one first.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    running = _running(sys.stdin)
    for order in sorted(set(running.values())):
        _end([process for process, own in running.items() if own == order], GRACE_S)


def _running(lines: TextIO) -> dict[int, int]:
    """Read to the end and return the programs that have not ended, with their order."""
    programs: dict[int, int] = {}
    for line in lines:
        event, process = line.split()
        if event == "ended":
            programs.pop(int(process), None)
        else:
            programs[int(process)] = int(event)
    return programs


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
