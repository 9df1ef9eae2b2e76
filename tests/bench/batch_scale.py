"""Whether a batch of 100,000 pictures queues in a time linear in their number, and what it costs to watch it.

    python -m tests.bench.batch_scale [--items N]

Tiny pictures, on a Postgres of its own and a folder; the worker is stopped, so that everything stays queued. Prints the
seconds and the memory of Redis after each fifth, then what a progress and pages of the list take: the median over HTTP,
and the statements alone, by EXPLAIN ANALYZE.
"""

import argparse
import contextlib
import itertools
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import requests
from sqlalchemy.orm import Session

from core.batches import items, lifecycle
from core.batches.items import ItemFilter
from core.contract.states import ItemState
from tests import postgres
from tests.bench import database, inputs
from tests.bench.load import timed_ms
from tests.faults.calls import AUTH, ask, upload
from tests.stack import Stack

FILES_A_CALL = 100
PER_PAGE = 100
TIMES = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--shared", type=Path, default=None, help="folder with weights")
    args = parser.parse_args()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(postgres.running(shared_buffers="256MB"))
        server.execute("CREATE DATABASE scale")
        own = inputs.environment(inputs.settings(args.shared), 1)
        own |= {"FACE_API_DATABASE_URL": server.url("scale"), "FACE_API_BATCH_QUEUE_LIMIT": str(2 * args.items)}
        service = Stack(Path(stack.enter_context(tempfile.TemporaryDirectory())), own)
        stack.callback(service.stop)
        service.start()
        service.stop_worker()
        batch = str(ask(service, "POST", "/batches", json={"name": "scale"})["id"])
        _queue(service, batch, args.items)
        _watch(service, batch, args.items)


def _queue(service: Stack, batch: str, count: int) -> None:
    shades = [_tiny(shade) for shade in range(256)]
    step = count // 5
    for start in range(0, count, step):
        names = {f"{number // 1000}/{number}.jpg": shades[number % 256] for number in range(start, start + step)}
        started = time.monotonic()
        upload(service, batch, names, FILES_A_CALL)
        took = time.monotonic() - started
        used = service.services.redis.info("memory")["used_memory"] / 2**20
        bells = service.services.redis.llen("batch")
        print(f"{start + step:7} queued, the last {step} in {took:.1f} s;", end=" ")
        print(f"Redis {used:.2f} MiB, {bells} messages", flush=True)


def _tiny(shade: int) -> bytes:
    return cv2.imencode(".png", np.full((8, 8, 3), shade, np.uint8))[1].tobytes()


def _watch(service: Stack, batch: str, count: int) -> None:
    url, last, sessions = f"{service.url}/api/v1/admin/batches/{batch}", count // PER_PAGE, service.services.sessions
    assert sessions is not None
    with requests.Session() as client, sessions() as session:
        client.auth = AUTH
        _tell("progress", session, lambda session: _progress(session, batch), lambda: _read(client, url))
        for page, state in itertools.product((1, last // 2, last), ("", "queued")):
            query = {"page": page, "per_page": PER_PAGE} | ({"state": state} if state else {})
            _tell(
                f"page {page} of the items {state}",
                session,
                partial(_page, batch=batch, page=page, state=state),
                partial(_read, client, f"{url}/items", **query),
            )


def _tell(name: str, session: Session, question: Callable[[Session], int], call: Callable[[], None]) -> None:
    over_http = statistics.median(timed_ms(call) for _ in range(TIMES))
    asked = database.ask(session, name, question)
    print(f"{name}: {over_http:.1f} ms over HTTP, {asked.ms:.1f} ms in the database (limit {database.LIMIT_MS} ms)")


def _progress(session: Session, batch: str) -> int:
    return len(lifecycle.progress(session, [lifecycle.get(session, uuid.UUID(batch))]))


def _page(session: Session, batch: str, page: int, state: str) -> int:
    found = lifecycle.get(session, uuid.UUID(batch))
    return len(items.page(session, found, page, PER_PAGE, ItemFilter(ItemState(state) if state else None)).items)


def _read(client: requests.Session, url: str, **query: int | str) -> None:
    client.get(url, params=query, timeout=60).raise_for_status()


if __name__ == "__main__":
    main()
