"""Sessions and the lockout, beside what HTTP shows of them."""

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import limits
import pytest
import redis

from core import config
from core.access import lockouts
from core.access.lockouts import Lockout, LoginSource
from core.contract.roles import Role
from core.errors import RateLimited, SessionsUnavailable, Unauthenticated
from web.auth.sessions import Session, Sessions

NO_TOTAL = "1000000/hour"
NOWHERE = "redis://127.0.0.1:1/0"


def sessions(url: str, password: str) -> Sessions:
    return Sessions(config.read(admin_password=password), redis.Redis.from_url(url))


@pytest.fixture
def address() -> str:
    return str(uuid.uuid4())


def outcome(lockout: Lockout, address: str, *, correct: bool = False) -> type[Exception] | None:
    try:
        lockout.count(LoginSource(address), correct=correct)
    except (RateLimited, Unauthenticated) as error:
        return type(error)
    return None


def test_another_password_ends_sessions(valkey: str) -> None:
    token, session = sessions(valkey, "correct horse").open(Session("admin", Role.OWNER))
    assert sessions(valkey, "correct horse").find(token) == session
    assert sessions(valkey, "another horse").find(token) is None


def test_sessions_without_redis_are_unavailable() -> None:
    with pytest.raises(SessionsUnavailable):
        sessions(NOWHERE, "correct horse").open(Session("admin", Role.OWNER))
    with pytest.raises(SessionsUnavailable):
        sessions(NOWHERE, "correct horse").find("x")


@pytest.mark.parametrize("with_redis", [True, False])
def test_haste_slips_past_no_lockout(valkey: str, address: str, with_redis: bool) -> None:
    lockout = Lockout(redis.Redis.from_url(valkey if with_redis else NOWHERE), NO_TOTAL)
    start = threading.Barrier(20)

    def guess(_: int) -> type[Exception] | None:
        start.wait()
        return outcome(lockout, address)

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(guess, range(40)))
    assert outcomes.count(Unauthenticated) == lockouts.MAX_FAILURES
    assert outcomes.count(RateLimited) == 40 - lockouts.MAX_FAILURES
    assert outcome(lockout, address, correct=True) is RateLimited


def test_process_remembers_only_so_many_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockouts, "MAX_SOURCES", 3)
    lockout = lockouts._ProcessLockout(limits.parse(NO_TOTAL))
    for number in range(10):
        lockout.attempt(LoginSource(str(number)), correct=False)
    assert list(lockout._failures) == ["7", "8", "9"]


def test_process_forgets_a_block_in_time(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    lockout = lockouts._ProcessLockout(limits.parse(NO_TOTAL))
    assert [lockout.attempt(LoginSource(address), correct=False) for _ in range(lockouts.MAX_FAILURES)] == [
        -1
    ] * lockouts.MAX_FAILURES
    assert 895 <= lockout.attempt(LoginSource(address), correct=True) <= 900
    later = time.monotonic() + lockouts.BLOCKED_S + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert lockout.attempt(LoginSource(address), correct=False) == -1
    assert lockout.attempt(LoginSource(address), correct=True) == 0
