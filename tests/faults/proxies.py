"""A TCP proxy that can be slow: whatever the server answers comes so much later."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator

CHUNK = 65536
Piece = tuple[float, bytes]  # when it is due, by time.monotonic(); b"" is the end


class Proxy:
    """Passes connections on to a port of this machine. delay_s: by how much the server's answers are late now."""

    def __init__(self, port: int, server_port: int) -> None:
        self.port, self._server_port = port, server_port
        self.delay_s = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator["Proxy"]:
        """Run in a thread of its own."""
        loop = asyncio.new_event_loop()
        ready = threading.Event()
        thread = threading.Thread(target=loop.run_until_complete, args=(self._serve(ready, ended := asyncio.Event()),))
        thread.start()
        assert ready.wait(60)
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(ended.set)
            thread.join()
            loop.close()

    async def _serve(self, ready: threading.Event, ended: asyncio.Event) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, backlog=512)
        ready.set()
        await ended.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # what is closed is gone in the loop's next turn

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError), contextlib.closing(writer):
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
            with contextlib.closing(server_writer):
                there = asyncio.create_task(_pass_on(reader, server_writer))
                await self._pass_late(server_reader, writer)
                there.cancel()

    async def _pass_late(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes, each piece when it is due; meanwhile more is read."""
        pieces: asyncio.Queue[Piece] = asyncio.Queue()
        written = asyncio.create_task(_write_due(pieces, writer))
        try:
            while data := await reader.read(CHUNK):
                pieces.put_nowait((time.monotonic() + self.delay_s, data))
        except OSError:
            pass  # the server has ended; what it has said before comes all the same
        pieces.put_nowait((time.monotonic() + self.delay_s, b""))
        await written


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _write_due(pieces: "asyncio.Queue[Piece]", writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while (piece := await pieces.get())[1]:
            due, data = piece
            if (left_s := due - time.monotonic()) > 0:
                await asyncio.sleep(left_s)
            writer.write(data)
            await writer.drain()
