"""Keeping a lease while the work takes its time, and writing its outcome when the database is away for a while."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from core import config, services
from core.database import engine
from core.database.engine import SessionFactory
from core.engine.client import EngineClient
from core.observability import logs

log = logs.get(__name__)
AGAIN_AFTER_S = 0.5
SUPERSEDED = "superseded"

Act = Callable[[Session], bool]


def reap_dead_task(
    task_id: str, end_leases: Callable[[Session, str], int], wake: Callable[[EngineClient], None]
) -> None:
    """Give the work of a task whose process died to another worker, without waiting until its lease runs out.

    end_leases: ends the leases of a task; wake: wakes who may take their work.
    """
    made = services.build(config.load())
    if made.sessions is None:
        return
    try:
        with made.sessions() as session:
            end_leases(session, task_id)
        wake(made.engine)
    except SQLAlchemyError as error:
        log.warning("lease_not_reaped", error=logs.reason(error))
    finally:
        # A process that is forked from this one later must not share its connections.
        made.close()


class LeaseLost(Exception):
    """Another worker has the work now, or nobody has it any more."""


class LeaseKeeper:
    """Keeps the leases of one process, each as long as lease_s. `lost` is set when one was."""

    def __init__(self, sessions: SessionFactory, lease_s: float) -> None:
        self._sessions = sessions
        self._lease_s = lease_s
        self.lost = threading.Event()

    @contextmanager
    def heartbeat(self, extend: Act, every_s: float | None = None) -> Iterator[None]:
        """Extend a lease again and again for as long as the block takes: four times while it lasts, or more often."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(min(self._lease_s / 4, every_s or self._lease_s)):
                try:
                    with self._sessions() as session:
                        if not extend(session):
                            self.lost.set()
                            return
                except SQLAlchemyError as error:
                    log.warning("lease_not_extended", error=logs.reason(error))

        heartbeat = threading.Thread(target=beat, name="lease-heartbeat", daemon=True)
        heartbeat.start()
        try:
            yield
        finally:
            done.set()
            heartbeat.join()

    def check(self) -> None:
        """Raise LeaseLost once a heartbeat has found that the lease is lost."""
        if self.lost.is_set():
            raise LeaseLost

    def require(self, extend: Act) -> None:
        """Extend the lease before something is written: what another worker writes must stay."""
        if not self.write(extend):
            raise LeaseLost

    def write(self, act: Act) -> bool:
        """Write something to the database, again and again while it can't be reached, for as long as a lease lasts."""
        give_up = time.monotonic() + self._lease_s
        while True:
            try:
                with self._sessions() as session:
                    return act(session)
            except SQLAlchemyError as error:
                if not engine.is_outage(error) or time.monotonic() > give_up:
                    raise
                log.warning("database_unavailable_retrying", error=logs.reason(error))
            time.sleep(AGAIN_AFTER_S)
