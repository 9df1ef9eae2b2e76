"""How often API keys are used: counted in the memory of each web process, added to the table every few seconds.

A process that is killed loses the uses of its last FLUSH_INTERVAL_S seconds. A connection that breaks just while the
database commits may have them counted twice.
"""

import atexit
import threading
import time
import uuid

from core.access import keys
from core.access.keys import KeyUsage
from core.database.clock import now
from core.database.engine import SessionFactory
from core.observability import logs

log = logs.get(__name__)
FLUSH_INTERVAL_S = 2.0  # chosen: what a killed process may lose, and one short transaction instead of one for each call


class KeyUseCounter:
    """Counts uses in this process and adds them to the table later, in a thread of its own.

    No call waits for the database. While that is down the counts stay in memory and are written when it is back. The
    last ones are written when the process ends. Without a database there are no keys, and nothing is counted.
    """

    def __init__(self, sessions: SessionFactory | None) -> None:
        self._sessions = sessions
        self._lock = threading.Lock()  # guards the next two, and is never held while the database is written
        self._pending: dict[uuid.UUID, KeyUsage] = {}
        self._is_flushing = False
        self._writing = threading.Lock()
        atexit.register(self.flush)

    def note(self, key_id: uuid.UUID, address: str | None) -> None:
        """Count one use, from this address."""
        if self._sessions is None:
            return
        with self._lock:
            self._add(key_id, KeyUsage(1, now(), address))
            starts, self._is_flushing = not self._is_flushing, True
        if starts:
            threading.Thread(target=self._flush_regularly, name="key-uses", daemon=True).start()

    def flush(self) -> bool:
        """Add what was counted to the table; False when the database refused, and the counts are still pending."""
        with self._writing:
            with self._lock:
                uses, self._pending = self._pending, {}
            if self._sessions is None or not uses:
                return True
            try:
                with self._sessions() as session:
                    keys.add_uses(session, uses)
            except Exception as error:  # noqa: BLE001 - whatever it is, no count is lost and the thread goes on
                log.warning("key_uses_not_saved", keys=len(uses), error=logs.reason(error))
                with self._lock:
                    for key_id, usage in uses.items():
                        self._add(key_id, usage)
                return False
            return True

    def _flush_regularly(self) -> None:
        """Flush until nothing is pending; the next use starts another thread."""
        while True:
            time.sleep(FLUSH_INTERVAL_S)
            self.flush()
            with self._lock:
                if not self._pending:
                    self._is_flushing = False
                    return

    def _add(self, key_id: uuid.UUID, usage: KeyUsage) -> None:
        known = self._pending.get(key_id)
        self._pending[key_id] = usage if known is None else known.plus(usage)
