"""Back up or restore again and again, each time killed some steps later, until it is done undisturbed.

    python -m tests.admin.backups.killed backup|restore DIR STRIDE   settings from the environment; prints the steps

Each try goes on with what the one before has left. A step is a statement or a commit, a request to the S3 server, a
file made, renamed or removed; each try is a process of its own, ended by kill -9.
"""

import itertools
import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path

from sqlalchemy import Engine, event

from admin.backups import backups, restores
from core import config
from tests.integration.killed import EVENTS

MOST_STEPS = 1000


class StepCounter:
    """Kills this process when it is about to take its n-th step, and counts them."""

    def __init__(self, steps: int) -> None:
        self._lock, self._left = threading.Lock(), steps
        for name in ("before_cursor_execute", "commit"):
            event.listen(Engine, name, self.step)

    def step(self, *_: object) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def attempt(action: str, folder: Path, steps: int) -> int:
    """Do it, killed at a step; return how many objects this try has written."""
    counter = StepCounter(steps)
    sys.addaudithook(lambda name, _: counter.step() if name in EVENTS else None)
    settings = config.load()
    if action == "backup":
        return backups.back_up(settings, folder, lambda _: None).copied
    return restores.restore(settings, folder, lambda _: None).stored


def main(action: str, folder: Path, stride: int) -> None:
    for steps in itertools.count(1, stride):
        child = os.fork()
        if not child:
            code = 1
            try:
                (folder.parent / "written").write_text(str(attempt(action, folder, steps)))
                code = 0
            except Exception:  # noqa: BLE001 - the test tells it
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            last = int((folder.parent / "written").read_text())
            sys.stdout.write(json.dumps({"killed": (steps - 1) // stride, "last": last}))
            return
        assert os.WTERMSIG(status) == signal.SIGKILL and steps < MOST_STEPS


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
