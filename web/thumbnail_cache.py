"""Thumbnails in memory only: where no picture is stored, nothing of one may touch a disk."""

import threading

from cachetools import LRUCache

CACHE_BYTES = 48 * 2**20  # chosen: about two thousand small ones


class ThumbnailCache:
    """The thumbnails that were requested last, up to a number of bytes."""

    def __init__(self, max_bytes: int = CACHE_BYTES) -> None:
        self._lock = threading.Lock()
        self._thumbnails: LRUCache[str, bytes] = LRUCache(max_bytes, getsizeof=len)

    def get(self, name: str) -> bytes | None:
        with self._lock:
            return self._thumbnails.get(name)

    def put(self, name: str, data: bytes) -> None:
        """Store a thumbnail in place of the least recently requested; one larger than the cache is not stored."""
        with self._lock:
            if len(data) <= self._thumbnails.maxsize:
                self._thumbnails[name] = data
