"""Asking what may hang, in a thread of its own."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as StillRunning
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Inquiry(Generic[Answer]):
    """One question that was asked. began: by time.monotonic()."""

    future: "Future[Answer]" = field(default_factory=Future)
    began: float = field(default_factory=time.monotonic)

    def answer(self, within_s: float) -> Answer | None:
        """Return the answer; None when asking failed, or lasts longer than that since it began."""
        try:
            return self.future.result(max(0.0, self.began + within_s - time.monotonic()))
        except StillRunning:
            return None
        except Exception:  # noqa: BLE001  # whatever it is, it is not ready
            return None


class Probe(Generic[Answer]):
    """Asks in a thread of its own, one at a time: whoever comes meanwhile waits for the same answer.

    fresh_s: for how long since it was asked an answer is good.
    """

    def __init__(self, ask: Callable[[], Answer], fresh_s: float = 0.0) -> None:
        self._ask, self._fresh_s = ask, fresh_s
        self._lock = threading.Lock()
        self._last: Inquiry[Answer] | None = None

    def start(self) -> Inquiry[Answer]:
        """Ask, unless somebody does already or the last answer is still good."""
        with self._lock:
            last = self._last
            if last and (not last.future.done() or time.monotonic() - last.began < self._fresh_s):
                return last
            begun = self._last = Inquiry[Answer]()
        # A daemon: what hangs must not keep the process from ending.
        threading.Thread(target=self._run, args=(begun.future,), daemon=True).start()
        return begun

    def _run(self, future: "Future[Answer]") -> None:
        try:
            future.set_result(self._ask())
        except Exception as error:  # noqa: BLE001  # it stops travelling where the answer is asked for
            future.set_exception(error)
