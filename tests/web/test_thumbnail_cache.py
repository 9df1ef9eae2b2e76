"""Thumbnails in memory."""

from web.thumbnail_cache import ThumbnailCache


def test_cache_drops_the_least_recently_requested() -> None:
    cache = ThumbnailCache(10)
    for name in "abc":
        cache.put(name, bytes(4))
        cache.get("a")
    assert [cache.get(name) for name in "abc"] == [bytes(4), None, bytes(4)]
    cache.put("a", bytes(8))
    assert (cache.get("a"), cache.get("c")) == (bytes(8), None)


def test_cache_stores_nothing_larger_than_itself() -> None:
    cache = ThumbnailCache(10)
    cache.put("a", bytes(8))
    cache.put("huge", bytes(11))
    assert (cache.get("huge"), cache.get("a")) == (None, bytes(8))
