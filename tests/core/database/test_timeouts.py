"""A Postgres that hangs, in a query and when it is connected: it is waited for once, and then left alone a while."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from core import config
from core.database import engine, migrations
from core.database.timeouts import PAUSE_S
from tests.postgres import Postgres

TIMEOUT_S = 0.3
FOR_EVER = text("SELECT pg_sleep(600)")


class Clock:
    """What the breaker takes for the time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("core.database.timeouts.time", made)
    return made


@contextmanager
def made(url: str) -> Iterator[Engine]:
    found = engine.create(config.read(database_url=url), TIMEOUT_S)
    yield found
    found.dispose()


def answer(found: Engine) -> int:
    with found.connect() as connection:
        return int(connection.execute(text("SELECT 7")).scalar_one())


def test_hanging_query_is_an_outage(postgres_server: Postgres) -> None:
    with made(postgres_server.url("postgres")) as found:
        with found.connect() as connection, pytest.raises(OperationalError) as caught:
            connection.execute(FOR_EVER)
        assert engine.is_outage(caught.value)


def test_silent_database_is_asked_again_after_a_pause(postgres_server: Postgres, clock: Clock) -> None:
    with made(postgres_server.url("postgres")) as found:
        with found.connect() as connection, pytest.raises(OperationalError):
            connection.execute(FOR_EVER)
        with pytest.raises(OperationalError, match="not asked again yet"):
            answer(found)
        clock.now += PAUSE_S
        assert answer(found) == answer(found) == 7


def test_one_finds_out_whether_it_is_silent_still(clock: Clock) -> None:
    """The others are not kept waiting: only one of the second round connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"postgresql+psycopg2://postgres@127.0.0.1:{server.getsockname()[1]}/postgres"
        with made(url) as found:
            errors: list[str] = []

            def ask() -> None:
                with pytest.raises(OperationalError) as caught:
                    answer(found)
                errors.append(str(caught.value))

            ask()
            clock.now += PAUSE_S
            callers = [threading.Thread(target=ask) for _ in range(8)]
            for caller in callers:
                caller.start()
            for caller in callers:
                caller.join()
    assert len([error for error in errors if "has said nothing" in error]) == 2
    assert len([error for error in errors if "not asked again yet" in error]) == 7


def test_migrations_wait_as_long_as_it_takes(postgres_server: Postgres) -> None:
    settings = config.read(database_url=postgres_server.url("postgres"), database_timeout_s=TIMEOUT_S)
    found: Engine = migrations.alembic_config(settings).attributes["engine"]
    with found.connect() as connection:
        assert connection.execute(text("SELECT 7 FROM pg_sleep(:s)"), {"s": 3 * TIMEOUT_S}).scalar_one() == 7
    found.dispose()
