"""What is said of clients that are disconnected: a line every few seconds, however many they are."""

from collections import Counter

from core.observability import logs, metrics

EVERY_S = 10.0

log = logs.get(__name__)


class DropLog:
    """Counts by reason."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._report_at = 0.0

    def note(self, reason: str) -> None:
        self._counts[reason] += 1
        metrics.count(metrics.DROPPED_CLIENTS, reason)

    def report(self, now: float) -> None:
        """Log what was noted, if there was something and the last line is some seconds old."""
        if self._counts and now >= self._report_at:
            log.warning("clients_dropped", counts=dict(self._counts))
            self._counts.clear()
            self._report_at = now + EVERY_S
