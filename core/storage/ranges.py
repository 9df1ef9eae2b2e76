"""Objects that are read and written part by part: never more than some blocks of one in memory."""

import io
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, BinaryIO

from core.storage.base import ByteSource

BLOCK_BYTES = 2 * 2**20  # chosen: a few seconds of a usual video, so that a request is not all that reading costs
MAX_BLOCKS = 8  # chosen: a demuxer goes to and fro between the index, pictures and sound of a file
SMALL_READ_BYTES = 64 * 1024


class RangeReader(io.RawIOBase):
    """A seekable file of bytes that a function fetches by ranges, block by block; the last blocks are kept.

    fetch: takes where a range begins and how many bytes it has.
    """

    def __init__(self, size: int, fetch: Callable[[int, int], bytes]) -> None:
        self._size, self._fetch = size, fetch
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    @classmethod
    def buffered(cls, size: int, fetch: Callable[[int, int], bytes]) -> BinaryIO:
        """Return such a file whose reads return as much as is asked for."""
        return io.BufferedReader(cls(size, fetch), SMALL_READ_BYTES)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("there is nothing before the beginning")
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Fill the beginning of a buffer from one block; 0 at the end."""
        with memoryview(buffer).cast("B") as view:
            number, start = divmod(self._position, BLOCK_BYTES)
            if self._position >= self._size or not view:
                return 0
            data = self._block(number)[start : start + len(view)]
            view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _block(self, number: int) -> bytes:
        if number in self._blocks:
            self._blocks.move_to_end(number)
            return self._blocks[number]
        start = number * BLOCK_BYTES
        self._blocks[number] = self._fetch(start, min(BLOCK_BYTES, self._size - start))
        if len(self._blocks) > MAX_BLOCKS:
            self._blocks.popitem(last=False)
        return self._blocks[number]


class RecordingSource:
    """A source that remembers what it has raised: a client of a store makes something else of it."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self.error: Exception | None = None

    def read(self, size: int, /) -> bytes:
        try:
            return self._source.read(size)
        except Exception as error:
            self.error = error
            raise
