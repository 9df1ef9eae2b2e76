"""The progress of a batch as it happens, and how many streams there may be."""

import itertools
import json
import threading
import uuid
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import requests

from core.contract.roles import Role
from tests.contract.admin import COOKIE, account, basic, body, call
from tests.contract.batches import archive, begun, finish
from tests.contract.calls import assert_problem
from tests.stack import Stack

PASSWORD = "staple battery"


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


@pytest.mark.parametrize("end", ["key revoked", "key without scope", "logged out", "disabled", "password"])
def test_events_end_for_whom_is_let_in_no_more(idle: Stack, end: str) -> None:
    batch, name = begun(idle), f"viewer {end}"
    if end.startswith("key"):
        made = body(basic(idle, "POST", "/api-keys", json={"name": end, "scopes": ["admin"]}), 201)
        caller: dict[str, Any] = {"headers": {"X-API-Key": made["key"]}}
    else:
        account_id = account(idle, name, PASSWORD, Role.VIEWER)
        opened = call(idle, "POST", "/auth/login", json={"username": name, "password": PASSWORD})
        caller = {"cookies": {COOKIE: opened.cookies[COOKIE]}}
    with call(idle, "GET", f"/batches/{batch['id']}/events", stream=True, **caller) as response:
        lines = response.iter_lines(chunk_size=1, decode_unicode=True)
        assert "event: progress" in lines
        if end == "key revoked":
            basic(idle, "PATCH", f"/api-keys/{made['id']}", json={"is_active": False})
        elif end == "key without scope":
            basic(idle, "PATCH", f"/api-keys/{made['id']}", json={"scopes": ["detect"]})
        elif end == "logged out":
            call(idle, "POST", "/auth/logout", **caller)
        elif end == "disabled":
            basic(idle, "PATCH", f"/admins/{account_id}", json={"is_enabled": False})
        else:
            basic(idle, "POST", f"/admins/{account_id}/password", json={"password": f"another {PASSWORD}"})
        silent = (line for line in lines if line == ": still here")
        assert len(list(itertools.islice(silent, 4))) < 4  # else it would go on, with one of these every 15 s
    assert_problem(call(idle, "GET", f"/batches/{batch['id']}", **caller), 403 if end.startswith("key") else 401)


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

    # Those who hang up give their places back, though nothing has happened that they could be told.
    again: list[requests.Response] = []

    def have_places() -> bool:
        response = watch(idle, batch)
        if response.status_code == 200:
            again.append(response)
        return len(again) == len(opened)

    idle.until(have_places)
    basic(idle, "POST", f"/batches/{batch['id']}/close")
    for response in again:  # the next test finds all places free
        assert [kind for kind, _ in events(response)][-1] == "done"


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


def test_key_has_its_share_of_the_streams(idle: Stack) -> None:
    batch = begun(idle)
    made = body(basic(idle, "POST", "/api-keys", json={"name": "eager", "scopes": ["admin"]}), 201)
    successor = body(basic(idle, "POST", f"/api-keys/{made['id']}/rotate", json={"overlap_s": 600}), 201)

    def watched_with(key: str) -> requests.Response:
        return call(idle, "GET", f"/batches/{batch['id']}/events", stream=True, headers={"X-API-Key": key})

    opened: list[requests.Response] = []

    def is_let_in(response: requests.Response) -> bool:
        """Others may have places for a moment that tests before have given back."""
        opened.append(response)
        return response.status_code == 200

    def opens(key: str) -> bool:
        return is_let_in(watched_with(key))

    try:
        for key in (made["key"], successor["key"]):  # half of the four that the threads allow
            idle.until(partial(opens, key))
        for key in (made["key"], successor["key"]):
            problem = assert_problem(watched_with(key), 503)
            assert problem["code"] == "too_many_streams" and "its share" in problem["detail"]
        idle.until(lambda: is_let_in(watch(idle, batch)))
    finally:
        for response in opened:
            response.close()
    idle.until(lambda: is_let_in(watched_with(successor["key"])))
    opened[-1].close()
