"""One maintenance worker at a time, for the whole service: it holds a lease in Redis, and the others wait for it."""

import os
import secrets
import sys
import threading
import time

import redis

from core.engine.protocol import NAMESPACE
from core.observability import logs

log = logs.get(__name__)
KEY = NAMESPACE + "maintenance"
LEASE_S = 15.0  # chosen: so long nothing is maintained after a worker has died
RENEWED_EVERY_S = 3.0
# Take the lease if nobody has it, and extend it if it is ours.
HOLD = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""


class MaintenanceLease:
    """The lease as this process asks for it, under a name that it makes up."""

    def __init__(self, client: "redis.Redis") -> None:
        self._hold = client.register_script(HOLD)
        self._name = secrets.token_hex(8)

    def hold(self) -> None:
        """Wait until the lease is this process's, and extend it from a thread; begin anew when another has got it."""
        while not self.extend(otherwise=False):
            time.sleep(RENEWED_EVERY_S)
        log.info("maintenance_begun")
        threading.Thread(target=self._keep, name="maintenance-lease", daemon=True).start()

    def extend(self, *, otherwise: bool) -> bool:
        """Take or extend the lease; return whether it is this process's. otherwise: while Redis is away."""
        try:
            return bool(self._hold(keys=[KEY], args=[self._name, int(LEASE_S * 1000)]))
        except redis.RedisError:
            return otherwise

    def _keep(self) -> None:
        while self.extend(otherwise=True):  # without Redis no other takes it, and no task comes
            time.sleep(RENEWED_EVERY_S)
        log.warning("maintenance_lease_lost")
        os.execv(sys.executable, sys.orig_argv)
