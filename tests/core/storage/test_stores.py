"""What every object store promises."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import config
from core.errors import NotFound
from core.storage import objects
from core.storage.base import ObjectStore
from tests import swift
from tests.core.storage.stores import IMAGE, KEY, built, fetch, keys
from tests.stack import PATIENCE_S


@pytest.mark.parametrize("size", [0, 1, 65_537, 5 * 2**20, 5 * 2**20 + 1])
def test_store_gives_back_bytes(shared_store: ObjectStore, size: int) -> None:
    data = os.urandom(size)
    shared_store.put(KEY, data, "image/jpeg")
    assert shared_store.get(KEY) == data
    assert shared_store.stat(KEY).size_bytes == size


@pytest.mark.parametrize("most", [0, 1, 9_999, 10_000, 20_000])
def test_store_reads_no_more_than_is_asked_for(shared_store: ObjectStore, most: int) -> None:
    data = os.urandom(10_000)
    shared_store.put(KEY, data, "image/jpeg")
    assert shared_store.get(KEY, most) == data[:most]
    assert shared_store.get(KEY) == data, "what was left of an answer is not the beginning of the next"


def test_store_replaces_what_was_there(store: ObjectStore) -> None:
    store.put(KEY, b"first, and longer", "image/jpeg")
    store.put(KEY, b"second", "image/png")
    assert store.get(KEY) == b"second"


def put_all(store: ObjectStore, versions: list[bytes]) -> None:
    for data in versions:
        store.put(KEY, data, "image/jpeg")


def test_store_never_shows_half_a_write(shared_store: ObjectStore) -> None:
    versions = [bytes([value]) * 300_000 for value in range(6)]
    shared_store.put(KEY, versions[0], "image/jpeg")
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(put_all, shared_store, versions)
        read = [shared_store.get(KEY)]
        while not writing.done():
            read.append(shared_store.get(KEY))
    assert all(data in versions for data in read)


def test_store_misses_what_is_not_there(store: ObjectStore) -> None:
    for _ in ("without a bucket or folder", "with one"):
        for ask in (store.get, store.stat):
            with pytest.raises(NotFound):
                ask(KEY)
        store.delete(KEY)
        assert keys(store) == []
        store.put(objects.original_key(IMAGE, "other.jpg"), b"x", "image/jpeg")
        store.delete(objects.original_key(IMAGE, "other.jpg"))


def test_store_misses_what_has_too_long_a_name(store: ObjectStore) -> None:
    store.put(KEY, b"x", "image/jpeg")
    key = "x" * 300 + "/photo.jpg"
    for ask in (store.get, store.stat, store.open):
        with pytest.raises(NotFound):
            ask(key)
    assert keys(store, key) == []


def test_store_deletes_twice(store: ObjectStore) -> None:
    store.put(KEY, b"x", "image/jpeg")
    store.delete(KEY)
    store.delete(KEY)
    assert keys(store) == []


def test_store_lists_by_prefix(store: ObjectStore) -> None:
    images, began = [uuid.uuid4() for _ in range(swift.PAGE + 2)], datetime.now(UTC)
    originals = sorted(objects.original_key(image, "写真 +&=.jpg") for image in images)
    results = sorted(objects.processed_key(image, uuid.uuid4(), "png") for image in images)
    for number, key in enumerate(originals + results):
        store.put(key, b"x" * number, "image/jpeg")
    assert keys(store) == originals + results
    assert keys(store, "originals/") == originals
    assert keys(store, f"processed/{images[0]}") == [key for key in results if str(images[0]) in key]
    assert keys(store, "nothing/") == keys(store, originals[0] + "/") == []
    assert sorted(found.size_bytes for found in store.list()) == list(range(len(originals + results)))
    earliest, latest = began - timedelta(minutes=1), datetime.now(UTC) + timedelta(minutes=1)
    assert all(earliest < found.modified_at < latest for found in store.list())


def test_store_stat_agrees_with_list(store: ObjectStore) -> None:
    store.put(KEY, b"abc", "image/jpeg")
    reported = store.stat(KEY)
    listed = next(store.list())
    assert (reported.key, reported.size_bytes) == (listed.key, listed.size_bytes) == (KEY, 3)
    assert abs(reported.modified_at - listed.modified_at) <= timedelta(seconds=1)


@settings(max_examples=15)
@given(st.text(max_size=80))
def test_store_takes_any_filename(shared_store: ObjectStore, name: str) -> None:
    key = objects.original_key(uuid.uuid4(), name)
    shared_store.put(key, name.encode(errors="replace"), "image/jpeg")
    assert keys(shared_store, key) == [key]
    assert fetch(shared_store, shared_store.link(key, name, "image/jpeg"))[2] == name.encode(errors="replace")
    shared_store.delete(key)
    assert keys(shared_store, key) == []


def test_link_gives_object_under_its_name(store: ObjectStore) -> None:
    store.put(KEY, b"pixels", "image/jpeg")
    status, headers, data = fetch(store, store.link(KEY, "Müller 写.jpg", "image/webp", "attachment"))
    assert (status, data, headers["Content-Type"]) == (200, b"pixels", "image/webp")
    assert headers["Content-Disposition"] == objects.content_disposition("attachment", "Müller 写.jpg")
    assert headers["Cache-Control"] == "private, no-store"


def test_link_is_shown_inline_by_default(store: ObjectStore) -> None:
    store.put(KEY, b"pixels", "image/jpeg")
    headers = fetch(store, store.link(KEY, "photo.jpg", "image/jpeg"))[1]
    assert headers["Content-Disposition"] == 'inline; filename="photo.jpg"'


@pytest.mark.slow
def test_link_expires(place: Callable[[], dict[str, Any]]) -> None:
    values = place()
    store, soon = built(**values), built(**values, link_lifetime_s=1)
    store.put(KEY, b"pixels", "image/jpeg")
    lasting, brief = (one.link(KEY, "photo.jpg", "image/jpeg") for one in (store, soon))
    deadline = time.monotonic() + PATIENCE_S
    while fetch(store, brief)[0] != 403:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert fetch(store, lasting)[0] == 200


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("photo.jpg?", "other.jpg?"),
        ("image%2Fjpeg", "text%2Fhtml"),
        ("inline", "attachment"),
        ("xpires=", "xpires=9"),
        ("ignature=", "ignature=0"),
        ("ignature=", "ignature=%C3%A9"),
        ("ignature=", "nothing="),
    ],
)
def test_link_altered_is_refused(shared_store: ObjectStore, old: str, new: str) -> None:
    for name in ("photo.jpg", "other.jpg"):
        shared_store.put(objects.original_key(IMAGE, name), b"pixels", "image/jpeg")
    link = shared_store.link(KEY, "photo.jpg", "image/jpeg")
    assert fetch(shared_store, link)[0] == 200
    assert old in link
    assert fetch(shared_store, link.replace(old, new))[0] in {400, 403}


@pytest.mark.parametrize("key", ["../escaped", "/tmp/escaped", "a/../../escaped", "a//b", ""])  # noqa: S108
def test_keys_cannot_escape(shared_store: ObjectStore, key: str) -> None:
    verbs = (
        lambda: shared_store.put(key, b"x", "image/jpeg"),
        lambda: shared_store.get(key),
        lambda: shared_store.stat(key),
        lambda: shared_store.delete(key),
        lambda: shared_store.link(key, "a", "image/jpeg"),
    )
    for verb in verbs:
        with pytest.raises(ValueError, match="not a key"):
            verb()


def test_store_is_ready_before_first_use(store: ObjectStore) -> None:
    assert store.ready()
    assert keys(store) == []


FIRST_USE = """
import json, sys
from core import config, services
store = services.object_store(config.read(**json.loads(sys.argv[1])))
print("ready", flush=True)
sys.stdin.readline()
store.put(sys.argv[2], b"x", "image/jpeg")
print(store.link(sys.argv[2], "photo.jpg", "image/jpeg"))
"""


@pytest.mark.slow
def test_store_first_used_by_many(place: Callable[[], dict[str, Any]]) -> None:
    """Bucket, folder and secret are made once, though several processes begin at the same moment."""
    values = place()
    names = [objects.original_key(uuid.uuid4(), "photo.jpg") for _ in range(3)]
    makers = []
    for key in names:
        command = [sys.executable, "-c", FIRST_USE, json.dumps(values, default=str), key]
        pipe = subprocess.PIPE
        makers.append(subprocess.Popen(command, cwd=config.ROOT, stdin=pipe, stdout=pipe, text=True))
    for maker in makers:
        assert maker.stdout and maker.stdout.readline() == "ready\n"
    for maker in makers:
        assert maker.stdin
        maker.stdin.write("go\n")
        maker.stdin.flush()
    links = [maker.communicate()[0].strip() for maker in makers]
    store = built(**values)
    assert keys(store) == sorted(names)
    assert [fetch(store, link)[0] for link in links] == [200] * len(makers)
