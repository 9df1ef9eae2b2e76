"""Log-ins by HTTP Basic in the audit trail: each request is one, so that a record stands for all of an hour."""

import threading

import redis
from cachetools import TTLCache

from core.contract.deeds import Deed
from core.database import audits
from web.auth.trails import Trail

WINDOW_S = 3600  # chosen: a script that calls every minute leaves 24 records a day, not 1,440
MAX_REMEMBERED = 10_000  # chosen: more than administrators come from; a few MB
NAMESPACE = "face-api:basic-login:"


class BasicLogins:
    """Records one for each administrator and address: in Redis for all processes together, else in this one alone."""

    def __init__(self, client: "redis.Redis", trail: Trail) -> None:
        self._client = client
        self._trail = trail
        self._lock = threading.Lock()
        self._noted: TTLCache[str, None] = TTLCache(MAX_REMEMBERED, WINDOW_S)

    def note(self) -> None:
        """Record that the administrator who acts has logged in from this address, unless that was done lately."""
        who = audits.actor()
        source = f"{who.address} {who.name}"
        with self._lock:
            if source in self._noted:
                return
            self._noted[source] = None
        if self._is_first(source):
            self._trail.add_if_possible(Deed.LOG_IN, method="basic")

    def _is_first(self, source: str) -> bool:
        try:
            return bool(self._client.set(NAMESPACE + source, "1", nx=True, ex=WINDOW_S))
        except redis.RedisError:
            return True
