"""The one thread that holds every connection which waits for its client: gunicorn's dispatcher.

A thread that answers is given a request only when its head is there, and is free again when its answer is made: what
the client has not taken yet is sent from here, and what it still sends is discarded here.
"""

import errno
import selectors
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from operator import attrgetter
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from core import config
from core.errors import FaceApiError, HeadersTooLarge, RequestTooSlow, TooManyConnections
from web.server import client_sockets, refusals
from web.server.address_counts import AddressCounts
from web.server.client_sockets import ClientSocket
from web.server.connections import Connection, Head, Stage
from web.server.drop_log import DropLog
from web.server.patience import Pace, SlowPlaces

READ_BYTES = 64 * 1024
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
ACCEPTED_AT_ONCE = 64  # chosen: then those that are connected have their turn
CLOSE_S = 2.0  # a client that has its answer should close by then; gunicorn's own
SWEEP_EVERY_S = 0.5
# Requests that wait for a thread leave so many places free: whoever connects then is still heard.
SPARE_CONNECTIONS = 100
UNSENT_BYTES = 128 * 2**20  # chosen: of all answers together that wait for their clients; the oldest is dropped
NO_PLACE = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
RETRY_AFTER_S = 2
FILE_PATHS = (b"/openapi/", b"/console/static/")


class PollingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's threads with a dispatcher of our own; its signals, heartbeat and graceful end stay."""

    lanes: dict[bytes, ThreadPoolExecutor]  # by path: threads that answer it when all others are busy
    files: ThreadPoolExecutor  # answers what begins with FILE_PATHS

    def init_process(self) -> None:
        """Read the settings; this serves until the process ends."""
        settings = config.load()
        self._pace = Pace(settings.client_bytes_per_s, settings.client_stall_s)
        self._head_s = settings.client_head_s
        self._slow_places = SlowPlaces(max(1, self.cfg.threads // 2))
        self._waiting: set[Connection] = set()
        self._busy = 0
        # Behind proxies, every connection is theirs.
        self._addresses = AddressCounts(0 if settings.trusted_proxies else settings.connections_per_address)
        self._drops = DropLog()
        self._sweep_at = 0.0
        for listener in self.sockets:
            client_sockets.prepare(listener, self._pace)
        super().init_process()

    # --- connections come and go ----------------------------------------------------------------

    def accept(self, listener: Any) -> None:
        """Take the connections that have come."""
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                accepted, address = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in NO_PLACE or not self._waiting:
                    raise
                self._make_room()
                return
            client = ClientSocket(accepted, self._pace, self._slow_places)
            self._take(Connection(self.cfg, client, address, listener.getsockname()))

    def _take(self, conn: Connection) -> None:
        self.nr_conns += 1
        if self.nr_conns >= self.worker_connections:
            self._make_room()
        conn.counted = self._addresses.add(conn.client)
        if conn.counted:
            self._await_request(conn, self._head_s)
            self._ready(conn, None)  # mostly the request is there already: one turn of the poller less
        else:
            self._drops.note("address")
            self._refuse(conn, TooManyConnections("too many come from this address", retry_after_s=RETRY_AFTER_S))

    def _make_room(self) -> None:
        """Drop the connection that has the least time left: of many that come and say nothing, the oldest."""
        if self._waiting:
            self._drops.note("place")
            self._drop(min(self._waiting, key=attrgetter("deadline")))

    def _drop(self, conn: Connection) -> None:
        if conn.stage is Stage.CLOSED:
            return
        self._watch(conn, 0)
        conn.stage = Stage.CLOSED
        conn.close()
        self.nr_conns -= 1
        if conn.counted:
            self._addresses.remove(conn.client)

    @contextmanager
    def _dropping_broken(self, conn: Connection) -> Iterator[None]:
        """Drop a connection when going on with it fails: mostly because its client has."""
        try:
            yield
        except BlockingIOError:
            return
        except OSError:
            self._drop(conn)
        except Exception:
            self.log.exception("Error serving a connection")
            self._drop(conn)

    # --- events and deadlines -------------------------------------------------------------------

    def _watch(self, conn: Connection, events: int) -> None:
        if events == conn.events:
            return
        if not events:
            self.poller.unregister(conn.sock)
            self._waiting.discard(conn)
        elif conn.events:
            self.poller.modify(conn.sock, events, partial(self._ready, conn))
        else:
            self.poller.register(conn.sock, events, partial(self._ready, conn))
            self._waiting.add(conn)
        conn.events = events

    def _wait_for(self, conn: Connection, stage: Stage, seconds: float) -> None:
        # What a worker that ends still takes is a request that is on its way: see gunicorn's run().
        most_s = seconds if self.alive or stage is Stage.ANSWER else min(seconds, CLOSE_S)
        conn.stage, conn.deadline = stage, time.monotonic() + most_s
        self._watch(conn, WRITE if stage is Stage.ANSWER else READ)

    def _ready(self, conn: Connection, _sock: Any) -> None:
        """Go on with a connection whose client has sent or taken something."""
        with self._dropping_broken(conn):
            if conn.stage is Stage.HEAD:
                self._read_head(conn)
            elif conn.stage is Stage.ANSWER:
                if conn.send_rest():
                    self._go_on(conn)
            # It may be closed already, for another event of this turn; and after the last answer nothing follows.
            elif conn.stage is not Stage.CLOSED and not conn.discard() and conn.keep:
                self._go_on(conn)

    def murder_keepalived(self, force: bool = False) -> None:
        """End what is overdue, or everything that waits; gunicorn asks after every turn."""
        now = time.monotonic()
        if now < self._sweep_at and not force:
            return
        self._sweep_at = now + SWEEP_EVERY_S
        for conn in [conn for conn in self._waiting if force or conn.deadline <= now]:
            if conn.stage is Stage.HEAD and conn.head and not force:
                self._drops.note("head")
                self._refuse(conn, RequestTooSlow("the head of the request came too slowly"))
            else:
                if conn.stage is Stage.ANSWER:
                    self._drops.note("answer")
                self._drop(conn)
        self._drops.report(now)

    def _cap_keepalive(self, deadline: float) -> None:
        """Wait no longer than that for anything but clients that take their answers: the worker ends."""
        for conn in self._waiting:
            if conn.stage is not Stage.ANSWER:
                conn.deadline = min(conn.deadline, deadline)

    # --- requests -------------------------------------------------------------------------------

    def _await_request(self, conn: Connection, seconds: float) -> None:
        self._wait_for(conn, Stage.HEAD, seconds)
        if conn.head:  # it came with the last one
            self._judge(conn)

    def _read_head(self, conn: Connection) -> None:
        data = conn.sock.recv(READ_BYTES, socket.MSG_DONTWAIT)
        if not data:
            raise ConnectionResetError
        if not conn.head and conn.requests:
            conn.deadline = time.monotonic() + self._head_s
        conn.head += data
        self._judge(conn)

    def _judge(self, conn: Connection) -> None:
        """Hand a request over to a thread when its head is complete."""
        state = conn.judge_head()
        if state is Head.TOO_LARGE:
            self._refuse(conn, HeadersTooLarge("send fewer or shorter headers and cookies"))
        elif state is Head.COMPLETE:
            path = conn.probed_path()
            lane = self.lanes.get(path)
            if not lane and self._busy >= self.worker_connections - SPARE_CONNECTIONS:
                self._drops.note("threads")
                self._refuse(conn, TooManyConnections("too many requests wait", retry_after_s=RETRY_AFTER_S))
                return
            self._watch(conn, 0)
            self._busy += 1
            conn.stage = Stage.BUSY
            conn.begin_request()
            pool = lane or (self.files if path.startswith(FILE_PATHS) else self.tpool)
            future = pool.submit(self.handle, conn)
            future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def _refuse(self, conn: Connection, error: FaceApiError) -> None:
        conn.keep = False
        if conn.counted and not isinstance(error, RequestTooSlow):  # they may be sending a body still
            conn.unread = None
        with self._dropping_broken(conn):
            conn.sock.sendall(refusals.answer(error))
            self._go_on(conn)

    # --- answers --------------------------------------------------------------------------------

    def finish_request(self, conn: Connection, fs: "Future[bool]") -> None:
        """Take a connection back from its thread."""
        self._busy -= 1
        with self._dropping_broken(conn):
            fs.result()
            self._go_on(conn)

    def _go_on(self, conn: Connection) -> None:
        """Wait for what comes next: the rest of the answer, the rest of the body, another request, or the end."""
        if conn.sock.unsent_bytes:
            self._wait_for(conn, Stage.ANSWER, conn.sock.sending.left_s)
            self._bound_unsent()
        elif not conn.keep:
            conn.sock.shutdown(socket.SHUT_WR)
            self._wait_for(conn, Stage.CLOSE, CLOSE_S if conn.unread == 0 else conn.sock.reading.left_s)
        elif conn.unread:
            self._wait_for(conn, Stage.DISCARD, conn.sock.reading.left_s)
        else:
            self._await_request(conn, self._head_s if conn.head else self.cfg.keepalive)

    def _bound_unsent(self) -> None:
        unsent = {conn: conn.sock.unsent_bytes for conn in self._waiting if conn.stage is Stage.ANSWER}
        while sum(unsent.values()) > UNSENT_BYTES and len(unsent) > 1:
            oldest = min(unsent, key=attrgetter("deadline"))
            del unsent[oldest]
            self._drops.note("answer")
            self._drop(oldest)
