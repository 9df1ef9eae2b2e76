"""Whoever kills the worker's processes while they work."""

import random
import threading
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any

import psutil
from sqlalchemy import Select
from sqlalchemy.exc import SQLAlchemyError

from tests import background
from tests.stack import Stack


@dataclass(frozen=True)
class Progress:
    """How far the work is. done: counts what is finished; marked: what would rightly be given up by one more death.

    step: of how many more a process may be killed: a slow machine would never get beyond loading the model.
    """

    done: Select[Any]
    marked: Select[Any]
    step: int = 1


class Killer:
    """Kills a process of the worker every so often; every n-th time the whole worker, which is started again."""

    def __init__(self, stack: Stack, every_s: float, progress: Progress, whole_every: int = 0) -> None:
        self._stack, self._every_s, self._progress, self._whole_every = stack, every_s, progress, whole_every
        self._seen = 0
        self.kills = 0

    def at_work(self) -> AbstractContextManager[None]:
        return background.running(self._run)

    def _run(self, ended: threading.Event) -> None:
        chance = random.Random(3)
        while not ended.wait(self._every_s):
            if not self._may():
                continue
            self.kills += 1
            if self._whole_every and self.kills % self._whole_every == 0:
                self._stack.kill("worker")
                self._stack.launch("worker")
                continue
            with suppress(psutil.NoSuchProcess):
                children = psutil.Process(self._stack.processes["worker"].pid).children()
                if children:
                    chance.choice(children).kill()

    def _may(self) -> bool:
        sessions = self._stack.services.sessions
        assert sessions is not None
        try:
            with sessions() as session:
                done = session.scalar(self._progress.done) or 0
                if done < self._seen + self._progress.step or session.scalar(self._progress.marked):
                    return False
        except SQLAlchemyError:  # the database is away, too
            return False
        self._seen = done
        return True
