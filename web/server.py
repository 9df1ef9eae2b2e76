"""The gunicorn worker of the web tier: a refused upload must neither break its connection nor hold up anybody else."""

import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

# What a refused caller may still send before the connection is given up: clients read the answer only after that.
DRAIN_BYTES = 64 * 2**20
DRAIN_S = 10.0


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Threads that also do the slow parts of ending a connection, which gunicorn leaves to its one dispatcher."""

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Read off what a refused caller is still sending; gunicorn's own gives up after 64 KiB."""
        drained = conn.parser.finish_body(deadline=time.monotonic() + DRAIN_S, max_bytes=DRAIN_BYTES)
        return bool(keepalive and drained)

    def handle(self, conn: Any) -> Any:
        """Serve a connection, and close it here: that can take 2 seconds when the client doesn't."""
        keep = super().handle(conn)
        if keep is False:
            conn.close(graceful=True)
        return keep
