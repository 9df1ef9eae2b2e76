"""Batches whose progress the service tells by events, and what the Python client does where it can't."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from face_api_client import AsyncClient, Client, Rejected
from tests.clients.scripted import HANG_UP, Answer, ScriptedServer, as_json, problem
from web.openapi.batch_examples import A_BATCH

FINISHED = A_BATCH | {"status": "completed", "counts": {"completed": 998, "failed": 1, "refused": 1, "total": 1000}}
ABOUT = f"/api/v1/admin/batches/{A_BATCH['id']}"


def event(kind: str, batch: dict[str, Any]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(batch)}\n\n".encode()


def stream(*parts: bytes, cut: bool = False) -> Answer:
    head = b"retry: 2000\n\n: still here\n\n"
    return Answer(200, (head, *parts), {"Content-Type": "text/event-stream; charset=utf-8"}, cut)


def watched(*answers: Answer) -> tuple[list[str], list[str]]:
    """Return the states that were shown, and the paths that were asked for."""
    with ScriptedServer(*answers).running() as server, Client(server.url) as client:
        shown = [str(batch.status) for batch in client.watch_batch(A_BATCH["id"], every_s=0)]
        return shown, [one.path.removeprefix(ABOUT) for one in server.received]


def test_progress_is_told_by_events() -> None:
    begun, done = event("progress", A_BATCH), event("progress", FINISHED)
    shown, asked = watched(stream(begun[:20], begun[20:], begun, done, event("done", FINISHED)))
    assert (shown, asked) == (["running", "completed"], ["/events"])


@pytest.mark.parametrize(
    "beginning",
    [
        problem(503, "too_many_streams", "5"),
        problem(429, "rate_limited", "5"),
        HANG_UP,
        as_json(A_BATCH),
        stream(event("progress", A_BATCH), cut=True),
        stream(event("progress", A_BATCH)),
        stream(b"data: {\n\n"),
        stream(b"data: []\n\n"),
    ],
    ids=["full", "limited", "hang up", "no stream", "cut", "ended", "no JSON", "no batch"],
)
def test_batch_is_asked_for_where_events_are_none(beginning: Answer) -> None:
    shown, asked = watched(beginning, as_json(A_BATCH), as_json(FINISHED))
    assert (shown, asked) == (["running", "completed"], ["/events", "", ""])


def test_error_is_that_of_asking() -> None:
    with pytest.raises(Rejected, match="not_found"):
        watched(problem(404, "not_found"))


def test_watching_may_end_at_any_time() -> None:
    """With asyncio, where a generator is closed later: the connection is free again for the next call."""

    async def run(url: str) -> str:
        async with AsyncClient(url) as client:
            watching = client.watch_batch(A_BATCH["id"])
            async for _ in watching:
                break
            assert isinstance(watching, AsyncGenerator)
            await watching.aclose()
            return (await client.get_batch(A_BATCH["id"])).status

    with ScriptedServer(stream(event("progress", A_BATCH), cut=True), as_json(FINISHED)).running() as server:
        assert asyncio.run(run(server.url)) == "completed"
