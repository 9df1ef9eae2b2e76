"""Where the processes of a program count, for the one that serves their sums: prometheus_client's multiprocess mode.

It has a file for each process, by its id, for ever. Here they go by places: a process takes the first place that no
other holds, and goes on with the files of whoever had it before. So nothing is lost or counted twice when a process
dies, and however many have died, there are no more files than processes at a time.
"""

import atexit
import fcntl
import itertools
import os
import shutil
import tempfile
import time
from pathlib import Path

from prometheus_client import values

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own: it knows no other way to be told
PREFIX = "face-api-metrics-"
LOCKED_AFTER_S = 60.0  # chosen: long after its program has locked a new folder


class Place:
    """The number of a process among those that live; called for each change of a value, in whichever process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = self._number = -1
        self._lock = -1

    def __call__(self) -> int:
        if self._process != os.getpid():  # the first time, or forked
            self._take()
        return self._number

    def _take(self) -> None:
        if self._lock != -1:
            os.close(self._lock)  # the parent's, which keeps it
        for number in itertools.count():
            lock = os.open(self._folder / f"{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _lock(lock):
                self._process, self._number, self._lock = os.getpid(), number, lock
                return
            os.close(lock)


def begin() -> Path:
    """Make this program's folder, and have it and whatever it forks count there. Folders of dead ones are removed.

    Locked, also against those who remove what is old in a folder of temporary files.
    """
    remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    _lock(os.open(folder, os.O_RDONLY | os.O_CLOEXEC))
    atexit.register(_remove, folder, os.getpid())
    os.environ[VARIABLE] = str(folder)
    # Chosen when the library was imported, by the variable that was not set yet.
    values.ValueClass = values.MultiProcessValue(Place(folder))  # type: ignore[no-untyped-call]  # it has no types
    return folder


def _remove(folder: Path, process: int) -> None:
    """Remove the folder when the process ends that made it; not when one does that was forked from it."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned() -> None:
    """Remove the folders whose program has ended without doing so: it was killed."""
    for folder in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        try:
            if time.time() - folder.stat().st_ctime < LOCKED_AFTER_S:
                continue
            directory = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:  # another user's, or just removed by another program
            continue
        try:
            if _lock(directory):
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(directory)


def _lock(descriptor: int) -> bool:
    """Lock an open file or folder until every process that has it open has ended; False if another one has."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
