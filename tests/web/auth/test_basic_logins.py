"""Log-ins by HTTP Basic are recorded once for each administrator and address, not at each request."""

import uuid
from collections.abc import Iterator

import pytest
import redis

from core.contract.deeds import ActorKind
from core.database import audits
from core.database.audits import Actor
from web.auth.basic_logins import NAMESPACE, WINDOW_S, BasicLogins
from web.auth.trails import Trail


class Records(Trail):
    """Keeps who was recorded, instead of a database."""

    def __init__(self) -> None:
        super().__init__(None)
        self.kept: list[tuple[str | None, str | None, object]] = []

    def add_if_possible(
        self, deed: str, outcome: str = "ok", target: uuid.UUID | None = None, **detail: object
    ) -> None:
        self.kept.append((audits.actor().name, audits.actor().address, detail["method"]))


@pytest.fixture
def name() -> Iterator[str]:
    """An administrator whom Redis doesn't know yet."""
    yield str(uuid.uuid4())
    audits.act_as(Actor())


def log_in(logins: BasicLogins, name: str, address: str = "192.0.2.7") -> None:
    audits.act_as(Actor(ActorKind.ADMIN, name, address))
    logins.note()


def test_processes_record_a_source_once(valkey: str, name: str) -> None:
    records, client = Records(), redis.Redis.from_url(valkey)
    first, second = BasicLogins(client, records), BasicLogins(client, records)
    for logins in (first, second, first):
        log_in(logins, name)
    assert records.kept == [(name, "192.0.2.7", "basic")]
    assert 0 < int(str(client.ttl(f"{NAMESPACE}192.0.2.7 {name}"))) <= WINDOW_S
    client.delete(f"{NAMESPACE}192.0.2.7 {name}")  # the hour is over
    log_in(BasicLogins(client, records), name)
    assert len(records.kept) == 2


def test_each_administrator_and_address_is_recorded(valkey: str, name: str) -> None:
    records = Records()
    logins = BasicLogins(redis.Redis.from_url(valkey), records)
    for who, address in ((name, "192.0.2.7"), (name, "192.0.2.8"), (name + "2", "192.0.2.7")):
        log_in(logins, who, address)
    assert [(who, address) for who, address, _ in records.kept] == [
        (name, "192.0.2.7"),
        (name, "192.0.2.8"),
        (name + "2", "192.0.2.7"),
    ]


def test_without_redis_each_process_records_once(name: str) -> None:
    records, nowhere = Records(), redis.Redis.from_url("redis://127.0.0.1:1/0")
    for logins in (BasicLogins(nowhere, records), BasicLogins(nowhere, records)):
        log_in(logins, name)
        log_in(logins, name)
    assert len(records.kept) == 2
