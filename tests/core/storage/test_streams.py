"""Large objects: written part by part from a source, read at any place."""

import hashlib
import io
import os
import tracemalloc

import pytest

from core.errors import NotFound, StorageUnavailable, UploadTooLarge
from core.storage.base import ObjectStore
from core.storage.ranges import BLOCK_BYTES, MAX_BLOCKS, RangeReader
from core.storage.s3 import PART_BYTES
from tests.core.storage.stores import KEY, keys, s3_store

LARGE = 2 * PART_BYTES + 12345


class Endless:
    """A source of so many bytes, which are made when they are read; it may fail at its end."""

    def __init__(self, size: int, failure: Exception | None = None) -> None:
        self._left, self._failure = size, failure
        self.digest = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        count = min(size, self._left, 100_000)  # short reads, as sockets make them
        self._left -= count
        if not count and self._failure:
            raise self._failure
        data = os.urandom(count)
        self.digest.update(data)
        return data


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, LARGE])
def test_stream_is_kept_whole(store: ObjectStore, size: int) -> None:
    source = Endless(size)
    store.put_from(KEY, source, "video/mp4")
    assert hashlib.sha256(store.get(KEY)).digest() == source.digest.digest()
    assert keys(store) == [KEY]


@pytest.mark.parametrize("failure", [UploadTooLarge("too large"), ValueError("of the caller"), RuntimeError("gone")])
def test_failing_source_leaves_nothing(store: ObjectStore, failure: Exception) -> None:
    with pytest.raises(type(failure), match=str(failure)):
        store.put_from(KEY, Endless(LARGE, failure), "video/mp4")
    assert keys(store) == []
    with pytest.raises(NotFound):
        store.get(KEY)


def test_stream_replaces_what_was_there(store: ObjectStore) -> None:
    store.put(KEY, b"before", "video/mp4")
    store.put_from(KEY, io.BytesIO(b"after"), "video/mp4")
    assert store.get(KEY) == b"after"


def test_stream_takes_memory_of_a_part(store: ObjectStore) -> None:
    store.put(KEY, b"first", "video/mp4")
    tracemalloc.start()
    try:
        store.put_from(KEY, Endless(6 * PART_BYTES), "video/mp4")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 5 * PART_BYTES


def test_open_object_reads_any_place(store: ObjectStore) -> None:
    data = os.urandom(3 * BLOCK_BYTES + 17)
    store.put(KEY, data, "video/mp4")
    with store.open(KEY) as file:
        for start, count in [(0, 10), (BLOCK_BYTES - 5, 10), (len(data) - 3, 10), (5, BLOCK_BYTES * 2), (len(data), 1)]:
            assert file.seek(start) == start
            assert file.read(count) == data[start : start + count]
        assert file.seek(-7, io.SEEK_END) == len(data) - 7
        assert file.read() == data[-7:]
        file.seek(0)
        assert file.read() == data


def test_open_needs_an_object(store: ObjectStore) -> None:
    with pytest.raises(NotFound):
        store.open(KEY)


def test_range_reader_fetches_what_is_read() -> None:
    data = os.urandom(40 * BLOCK_BYTES)
    fetched: list[int] = []

    def fetch(start: int, count: int) -> bytes:
        fetched.append(start // BLOCK_BYTES)
        return data[start : start + count]

    file = RangeReader.buffered(len(data), fetch)
    file.seek(30 * BLOCK_BYTES + 1)
    assert file.read(100) == data[30 * BLOCK_BYTES + 1 :][:100]
    assert fetched == [30]
    for _ in range(10):  # to and fro between two places
        for place in (2, 20):
            file.seek(place * BLOCK_BYTES)
            file.read(10)
    assert fetched == [30, 2, 20]
    for place in range(MAX_BLOCKS):
        file.seek(place * BLOCK_BYTES)
        file.read(10)
    file.seek(30 * BLOCK_BYTES)
    file.read(10)
    assert fetched[-1] == 30, "only the last blocks are kept"


def test_unreachable_store_refuses_streams() -> None:
    store = s3_store("127.0.0.1:1", s3_retries=0)
    with pytest.raises(StorageUnavailable):
        store.put_from(KEY, io.BytesIO(b"x"), "video/mp4")
    with pytest.raises(StorageUnavailable):
        store.open(KEY)
