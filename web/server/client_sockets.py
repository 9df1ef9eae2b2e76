"""The socket of a client: no call waits for longer than the client's patience lasts."""

import errno
import os
import select
import socket
import struct
from collections import deque
from contextlib import suppress
from typing import IO, Any

from web.server.patience import Pace, Patience, SlowPlaces

# So much of an answer may be unsent when a thread writes on; more, and the thread waits for the client.
AHEAD_BYTES = 64 * 1024  # chosen: a head and the first bytes behind it
# What the kernel takes of an answer that its client does not read; by itself, 4 MiB for each connection.
KERNEL_BYTES = 512 * 1024  # chosen: most masked pictures are sent in one go
# A client is slow when a thread has waited so long for it, in one request.
SLOW_AFTER_S = 3.0  # chosen: most uploads over a phone's line take less
RESET = struct.pack("ii", 1, 0)  # linger for no time
TURN_BYTES = 4 * 2**20  # chosen: what one client is sent before others have their turn; a few milliseconds


def prepare(listener: socket.socket, pace: Pace) -> None:
    """Set what the connections of a listening socket inherit."""
    # A client that vanished: the kernel gives up what it can't deliver, silently. One that is there, but never reads,
    # is reset by the poller before that.
    for name, value in (("TCP_USER_TIMEOUT", int(2 * pace.behind_s * 1000)), ("TCP_NOTSENT_LOWAT", KERNEL_BYTES)):
        if option := getattr(socket, name, None):  # not every system has both
            listener.setsockopt(socket.IPPROTO_TCP, option, value)


class ClientTooSlow(ConnectionResetError):
    """The client neither sends nor takes bytes fast enough, so its connection ends."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the client is too slow")


class UnsentBytes:
    """A part of an answer that lies in memory."""

    def __init__(self, data: bytes) -> None:
        self._left = memoryview(data)

    def __len__(self) -> int:
        return len(self._left)

    def send(self, client: "ClientSocket", most: int) -> int:
        sent = socket.socket.send(client, self._left[:most])
        self._left = self._left[sent:]
        return sent

    def close(self) -> None:
        """Nothing is open."""


class UnsentFile:
    """A part of an answer that is read when it can be sent. Its own descriptor, because the app closes its file."""

    def __init__(self, file: IO[bytes], offset: int, count: int) -> None:
        self._fd = os.dup(file.fileno())
        self._offset, self._left = offset, count

    def __len__(self) -> int:
        return self._left

    def send(self, client: "ClientSocket", most: int) -> int:
        sent = os.sendfile(client.fileno(), self._fd, self._offset, min(self._left, most))
        if not sent:
            raise OSError(errno.EIO, "the file is shorter than the answer says")
        self._offset += sent
        self._left -= sent
        return sent

    def close(self) -> None:
        os.close(self._fd)


class ClientSocket(socket.socket):
    """A socket that never blocks by itself. Reading waits; what can't be sent at once is kept, and sent by `flush`.

    One thread at a time uses it: the poller's, or one that answers.
    """

    def __init__(self, accepted: socket.socket, pace: Pace, slow_places: SlowPlaces) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        super().settimeout(0)
        self._pace, self._slow_places = pace, slow_places
        self._has_slow_place = False
        self._limit_s: float | None = None
        self._unsent: deque[UnsentBytes | UnsentFile] = deque()
        self._expects_head, self._head = False, b""  # of an answer: it goes along with what follows
        self._meet_with_patience()

    def begin_request(self) -> None:
        """Meet each request with all the patience there is. What a thread sends first is the head of its answer."""
        self._meet_with_patience()
        self._expects_head = True

    def _meet_with_patience(self) -> None:
        self.reading, self.sending = Patience(self._pace), Patience(self._pace)

    def end_request(self) -> None:
        """Note that no thread has this connection any more, and send the head of an answer that is nothing else."""
        self._expects_head = False
        if self._has_slow_place:
            self._slow_places.give_back()
            self._has_slow_place = False
        if self._head:
            self.sendall(b"")

    @property
    def unsent_bytes(self) -> int:
        return sum(map(len, self._unsent))

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Return what has arrived, b"" at the end; waits unless the flags forbid it. ClientTooSlow."""
        while True:
            try:
                data = super().recv(size, flags)
            except BlockingIOError:
                if flags & socket.MSG_DONTWAIT:
                    raise
                self._wait(select.POLLIN, self.reading)
            else:
                self.reading.moved(len(data))
                return data

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Put what has arrived into a buffer, as recv."""
        while True:
            try:
                count = super().recv_into(buffer, nbytes, flags)
            except BlockingIOError:
                self._wait(select.POLLIN, self.reading)
            else:
                self.reading.moved(count)
                return count

    def sendall(self, data: bytes, flags: int = 0, /) -> None:  # type: ignore[override]  # bytes alone can be kept
        """Send, or keep to be sent. Waits only when more than AHEAD_BYTES are kept already. ClientTooSlow."""
        if self._expects_head:
            self._expects_head, self._head = False, data
            return
        if self._head and len(data) <= AHEAD_BYTES:
            data, self._head = self._head + data, b""
        self._keep(UnsentBytes(data))

    def send(self, data: bytes, flags: int = 0, /) -> int:  # type: ignore[override]
        self._keep(UnsentBytes(data))
        return len(data)

    def sendfile(self, file: IO[bytes], offset: int = 0, count: int | None = None) -> int:  # type: ignore[override]
        """Send a part of a file, as sendall."""
        size = os.fstat(file.fileno()).st_size - offset if count is None else count
        self._keep(UnsentFile(file, offset, size))
        return size

    def _keep(self, part: UnsentBytes | UnsentFile) -> None:
        if self._head:
            self._unsent.append(UnsentBytes(self._head))
            self._head = b""
        if not len(part):
            part.close()
            return
        try:
            while self.unsent_bytes > AHEAD_BYTES:
                self._wait(select.POLLOUT, self.sending)
                self.flush()
        except OSError:
            part.close()
            raise
        self._unsent.append(part)
        self.flush()

    def flush(self) -> bool:
        """Send what can be sent now; return whether that was all."""
        turn = TURN_BYTES
        while self._unsent and turn > 0:
            part = self._unsent[0]
            try:
                sent = part.send(self, turn)
            except BlockingIOError:
                return False
            self.sending.moved(sent)
            turn -= sent
            if not len(part):
                self._unsent.popleft().close()
        return not self._unsent

    def _wait(self, event: int, patience: Patience) -> None:
        poll = select.poll()
        poll.register(self.fileno(), event)
        while (seconds := self._seconds_to_wait(patience)) > 0:
            with patience.waiting():
                if poll.poll(seconds * 1000):
                    return
            if self._limit_s is not None:
                break
        raise ClientTooSlow

    def _seconds_to_wait(self, patience: Patience) -> float:
        """Return how long a thread may wait now; a client that is slow needs a place among the slow ones."""
        if not self._has_slow_place and patience.waited_s >= SLOW_AFTER_S:
            self._has_slow_place = self._slow_places.take()
            if not self._has_slow_place:
                return 0
        left_s = patience.left_s if self._has_slow_place else min(patience.left_s, SLOW_AFTER_S - patience.waited_s)
        return left_s if self._limit_s is None else min(left_s, self._limit_s)

    def settimeout(self, value: float | None, /) -> None:
        """Limit each wait, beside the patience. gunicorn does."""
        self._limit_s = value

    def gettimeout(self) -> float | None:
        return self._limit_s

    def setblocking(self, flag: bool, /) -> None:
        """Nothing: it never blocks, though gunicorn asks for it in threads."""
        self._limit_s = None

    def close(self) -> None:
        """Close; with a reset where the client has not taken all: the kernel would go on to offer it for minutes."""
        if self._unsent and self.fileno() >= 0:
            with suppress(OSError):
                self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        while self._unsent:
            self._unsent.popleft().close()
        self._head = b""
        self.end_request()
        super().close()
