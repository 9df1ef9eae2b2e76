"""The progress of a batch as it happens, and how many streams there may be."""

import json
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import requests

from tests.contract.admin import basic, body
from tests.contract.batches import archive, begun, finish
from tests.contract.calls import assert_problem
from tests.stack import Stack


def events(response: requests.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events of a stream, as they come."""
    kind = ""
    for line in response.iter_lines(chunk_size=1, decode_unicode=True):
        name, _, value = line.partition(": ")
        kind = value if name == "event" else kind
        if name == "data":
            yield kind, json.loads(value)


def watch(service: Stack, batch: dict[str, Any]) -> requests.Response:
    return basic(service, "GET", f"/batches/{batch['id']}/events", stream=True)


def test_events_tell_changes_and_the_end(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", "b.jpg")
    with watch(idle, batch) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        found = events(response)
        kind, reported = next(found)
        assert (kind, reported["counts"]["queued"]) == ("progress", 2)
        finish(idle, batch, **{"a.jpg": "completed"})
        kind, reported = next(found)
        assert (kind, reported["counts"]["queued"], reported["counts"]["completed"]) == ("progress", 1, 1)
        finish(idle, batch, every="failed")
        basic(idle, "POST", f"/batches/{batch['id']}/close")
        last = list(found)[-1]
    assert (last[0], last[1]["status"], last[1]["counts"]["failed"]) == ("done", "completed", 1)
    assert last[1] == body(basic(idle, "GET", f"/batches/{batch['id']}"))


def test_events_of_a_finished_batch_end_at_once(idle: Stack) -> None:
    batch = begun(idle)
    basic(idle, "POST", f"/batches/{batch['id']}/close")
    with watch(idle, batch) as response:
        assert [kind for kind, _ in events(response)] == ["progress", "done"]


def test_streams_leave_threads_for_others(idle: Stack) -> None:
    batch = begun(idle)
    opened = [watch(idle, batch) for _ in range(4)]  # a quarter of the threads
    try:
        assert [response.status_code for response in opened] == [200] * 4
        refused = watch(idle, batch)
        assert assert_problem(refused, 503)["code"] == "too_many_streams"
        assert int(refused.headers["Retry-After"]) > 0
        assert requests.get(f"{idle.url}/health", timeout=30).status_code in (200, 503)
    finally:
        for response in opened:
            response.close()

    # Those who hang up give their place back, though nothing has happened that they could be told.
    def has_place() -> bool:
        with watch(idle, batch) as response:
            return response.status_code == 200

    idle.until(has_place)


def test_refused_downloads_keep_no_place(idle: Stack) -> None:
    for _ in range(10):
        assert_problem(basic(idle, "GET", f"/batches/{uuid.uuid4()}/events"), 404)
        assert_problem(basic(idle, "GET", f"/batches/{uuid.uuid4()}/results"), 404)
    threads = [threading.Thread(target=archive, args=(idle, begun(idle))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert archive(idle, begun(idle)) == ({}, [])
