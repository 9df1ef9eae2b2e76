"""The gunicorn worker of the web tier: what its threads do with a request."""

import resource
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from core.system.memory import HeapTrimmer
from web.server import refusals
from web.server.connections import Connection
from web.server.messages import HostMissing
from web.server.polling import PollingWorker
from web.server.refusals import HOST_MISSING, AnswerRecorder

FILES = 65536
HEAP_GROWTH_BYTES = 48 * 2**20  # chosen: two of the largest uploads
# Paths with threads of their own: /health/live asks nobody, the others wait for what they ask, a second at most.
LANES = {(b"/health/live",): 1, (b"/health", b"/health/ready"): 2}


class Worker(PollingWorker):
    """Answers requests in threads, and those for its health and for files in threads that do nothing else."""

    def init_process(self) -> None:
        """Set up the heap before the threads begin; this serves until the process ends."""
        _allow_many_files()
        self._heap = HeapTrimmer(HEAP_GROWTH_BYTES)
        self.lanes = {}
        for paths, threads in LANES.items():
            self.lanes |= dict.fromkeys(paths, ThreadPoolExecutor(threads))
        # One: nobody needs to be asked for a file, and of a hundred requests at once a hundred threads would each take
        # their turn before a probe has its own.
        self.files = ThreadPoolExecutor(1)
        super().init_process()

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """Answer a request.

        Whether its connection ends is decided when the answer begins: this process may have been told to end meanwhile.
        """
        asked_to_close = req.should_close
        req.should_close = cache(lambda: not self.alive or asked_to_close())
        return super().handle_request(req, conn)

    def handle(self, conn: Connection) -> None:
        """Answer a request in a thread."""
        keep = False
        try:
            keep = super().handle(conn)
        finally:
            conn.end_request(keep)
        self._heap.trim_if_grown()

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """Leave the rest of a body to the poller, where gunicorn would read it in this thread."""
        return keepalive

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer what gunicorn refuses in the shape of every other error; it logs, and its HTML is thrown away."""
        recorder = AnswerRecorder()
        super().handle_error(req, recorder, addr, exc)
        client.sendall(refusals.answer(HOST_MISSING if isinstance(exc, HostMissing) else recorder.error()))


def _allow_many_files() -> None:
    """Raise the soft limit of open files: a shell's is often about as many as the connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
