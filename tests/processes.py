"""Processes that tests have seen."""

import psutil


def lives(process: psutil.Process) -> bool:
    """Whether a process has not ended; it may end while it is asked. A zombie has."""
    try:
        return process.is_running() and bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
