"""Many senders of webhooks: a receiver that takes its time keeps its own sender waiting, and nobody else."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler

import pytest
from pydantic import SecretStr

from core.config import Settings
from core.database.engine import SessionFactory
from core.webhooks import deliveries, posts
from core.webhooks.deliveries import DeliverySummary, Senders
from tests.conftest import BuildServices
from tests.core.webhooks.conftest import EVERY_PORT, SECRET, Receiver, ended
from tests.stack import PATIENCE_S
from worker import maintenance, webhooks

SLOW, OTHER = uuid.uuid4(), uuid.uuid4()


@pytest.fixture
def slow(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Have the receiver keep each call below /slow waiting; yield what tells that one has come, and what lets it go."""
    for name in ("READ_TIMEOUT_S", "TOTAL_TIMEOUT_S"):
        monkeypatch.setattr(posts, name, 2 * PATIENCE_S)
    called, go_on = threading.Event(), threading.Event()

    def wait(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/slow":
            called.set()
            go_on.wait(PATIENCE_S)

    receiver.before = wait
    yield called, go_on
    go_on.set()


def test_slow_receiver_keeps_only_its_sender_waiting(
    sessions: SessionFactory, settings: Settings, receiver: Receiver, slow: tuple[threading.Event, threading.Event]
) -> None:
    called, go_on = slow
    for path, key_id in (("slow", SLOW), ("after-slow", SLOW), ("other", OTHER), ("admin", None)):
        ended(sessions, f"{receiver.url}/{path}", key_id)
    senders = Senders()
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(deliveries.deliver_due, sessions, settings, senders)
        assert called.wait(PATIENCE_S)
        assert deliveries.deliver_due(sessions, settings, senders) == DeliverySummary(2, 2)
        assert [path for path, *_ in receiver.got] == ["/slow", "/other", "/admin"]
        go_on.set()
        assert held.result(PATIENCE_S) == DeliverySummary(2, 2)
    assert [path for path, *_ in receiver.got] == ["/slow", "/other", "/admin", "/after-slow"]


def test_defect_leaves_its_sender_free(sessions: SessionFactory, settings: Settings, receiver: Receiver) -> None:
    ended(sessions, receiver.url, OTHER)
    senders = Senders()
    with pytest.raises(RuntimeError), senders.claim(sessions):
        raise RuntimeError
    ended(sessions, receiver.url, OTHER)
    assert deliveries.deliver_due(sessions, settings, senders) == DeliverySummary(1, 1)


def test_workers_next_thread_goes_on_with_others(
    build_services: BuildServices,
    database: Settings,
    receiver: Receiver,
    slow: tuple[threading.Event, threading.Event],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = {"webhook_secret": SecretStr(SECRET), "webhook_allow_private": True, "webhook_ports": EVERY_PORT}
    made = build_services(database.model_copy(update=own))
    assert made.sessions is not None
    monkeypatch.setattr(maintenance, "built_services", lambda: made)
    (called, go_on), keep_waiting, other = slow, receiver.before, threading.Event()
    receiver.before = lambda handler: keep_waiting(handler) if handler.path == "/slow" else other.set()
    for path, key_id, heard in (("slow", SLOW, called), ("other", OTHER, other)):
        ended(made.sessions, f"{receiver.url}/{path}", key_id)
        webhooks.deliver_webhooks()
        assert heard.wait(PATIENCE_S)
    go_on.set()
    for thread in threading.enumerate():  # before their database goes
        if thread.name == webhooks.THREAD_NAME:
            thread.join(PATIENCE_S)
