"""A begun call is held by the process that works on it, for as long as that process lives.

The lease names the process and lies beside the picture; the process's heartbeat keeps it. When it lapses, or when the
worker says that its process died, the waiting call asks again, once: its picture still lies where it was. If the first
process lives after all, whichever answers first is heard: both have worked on the same picture with the same options.
"""

import redis

from core.engine import messages, protocol
from core.engine.outages import RETRY_AFTER_S
from core.engine.protocol import PendingCall
from core.errors import EngineUnavailable

# How often in a row a lease is seen lapsed: after a stall of Redis the heartbeats take up to a second to come through.
MISSES = 3
# How often in a row a call is neither in the queue nor begun: a new process loads its model before it begins.
UNSEEN = 8

# Whether a call is held, or still in the queue.
HELD = (
    protocol.NOW
    + """
if ARGV[1] == '' then return redis.call('LPOS', KEYS[2], ARGV[2]) and 1 or 0 end
local dead_at = redis.call('ZSCORE', KEYS[1], ARGV[1] .. '/1')
return dead_at and tonumber(dead_at) > now and 1 or 0
"""
)
# Where a process has its lease already, the call is begun, and where there is no picture, answered.
WITHDRAW = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
return redis.call('DEL', KEYS[2])
"""
# Only while the caller still waits.
LOSE = """
if redis.call('EXISTS', KEYS[1]) == 0 then return end
redis.call('RPUSH', KEYS[2], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[2])
"""


class LeaseWatch:
    """Watches over one call while its caller waits: asks again, once, when the process that had it is gone."""

    def __init__(self, first: "redis.Redis", call: PendingCall, message: messages.CallMessage) -> None:
        self._first = first
        self._call = call
        self._message = message
        self._misses = 0

    def check(self, server: "redis.Redis") -> str:
        """Ask again if the call is lost; return its message while that is in the queue, '' when it is not.

        EngineUnavailable when it was lost before, or its picture is.
        server: that of the call's picture. To be called at regular intervals.
        """
        with server.pipeline(transaction=False) as steps:
            steps.exists(self._call.upload, self._call.answer)
            steps.get(self._call.lease)
            there, holder = steps.execute()
        if not there:
            raise EngineUnavailable("the call was lost on its way", retry_after_s=RETRY_AFTER_S)
        name = (holder or b"").decode()
        held = self._script(HELD)(keys=[protocol.PROCESSES, protocol.INTERACTIVE], args=[name, self._message.text])
        self._misses = 0 if held else self._misses + 1
        if holder and self._misses >= MISSES:
            self._ask_again(server)
        # The second time it may be a process that takes long to load its model: the caller's own time-out holds.
        if not holder and self._misses >= UNSEEN and not self._message.again:
            self._ask_again(server)
        return self._message.text if held and not holder else ""

    def lost(self, server: "redis.Redis", task_id: str) -> None:
        """Ask again because the process of a task died; EngineUnavailable when it is the second."""
        if task_id == self._message.id:
            self._ask_again(server)

    def withdraw(self, server: "redis.Redis") -> bool:
        """Take the picture away from a call that no process has begun, so that none will; whether it was one."""
        return bool(self._script(WITHDRAW)(keys=[self._call.lease, self._call.upload], client=server))

    def _script(self, text: str) -> redis.commands.core.Script:
        """Prepare a script when it is needed: most calls are answered before that."""
        return self._first.register_script(text)

    def _ask_again(self, server: "redis.Redis") -> None:
        if self._message.again:
            raise EngineUnavailable("the process that worked on this picture died", retry_after_s=RETRY_AFTER_S)
        self._misses, self._message = 0, self._message.repeated()
        server.delete(self._call.lease)
        self._first.rpush(protocol.INTERACTIVE, self._message.text)  # where the next is taken from: it has waited
