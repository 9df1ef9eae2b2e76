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
from web.auth import sessions as web_sessions
from web.auth.second_steps import NAMESPACE as STEPS
from web.auth.second_steps import SecondSteps
from web.auth.sessions import NAMESPACE, Seal, Session, Sessions, owner_of

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


def test_session_that_somebody_else_wrote_is_none(valkey: str) -> None:
    client, own = redis.Redis.from_url(valkey), sessions(valkey, "correct horse")
    token, session = own.open(Session("kim", Role.VIEWER, method="oidc"))
    key = f"{NAMESPACE}{session.id}"
    stored = client.get(key)
    assert isinstance(stored, bytes) and own.find(token) == session
    _, another = own.open(Session("lee", Role.OWNER, method="oidc"))
    anothers = client.get(f"{NAMESPACE}{another.id}")
    plain = Session("kim", Role.OWNER, method="oidc").as_json()
    for forged in (stored.replace(b"viewer", b"owner"), anothers, plain, "", b"\xff" * 99, stored[64:], stored[:64]):
        client.set(key, forged)  # type: ignore[arg-type]  # bytes, of a client that decodes nothing
        assert own.find(token) is None
        assert own.of_owner(owner_of(session)) == []
        client.sadd(own._set(owner_of(session)), str(session.id))
    client.set(key, stored)
    assert own.find(token) == session and own.of_owner(owner_of(session)) == [session]


def test_session_that_is_brought_back_has_its_end(valkey: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client, own = redis.Redis.from_url(valkey), sessions(valkey, "correct horse")
    token, session = own.open(Session("kim", Role.OWNER))
    stored = client.get(f"{NAMESPACE}{session.id}") or b""
    client.set(f"{NAMESPACE}{session.id}", stored)  # without the time that it has left
    assert own.find(token) == session
    monkeypatch.setattr(web_sessions, "_now", lambda: session.expires_at)
    assert own.find(token) is own.get(session.id) is None
    assert own.of_owner(owner_of(session)) == [] and session.id not in {one.id for one in own.list_all()}


def test_who_takes_a_name_over_gets_no_sessions(valkey: str) -> None:
    own = sessions(valkey, "correct horse")
    _, one = own.open(Session("kim", Role.VIEWER, method="oidc", subject="7"))
    _, renamed = own.open(Session("kim.lee", Role.VIEWER, method="oidc", subject="7"))
    _, other = own.open(Session("kim", Role.VIEWER, method="oidc", subject="8"))
    assert {session.id for session in own.of_owner(owner_of(one))} == {one.id, renamed.id}
    assert own.end(owner_of(other), [one.id, other.id]) == [other.id]


def test_all_sessions_are_those_that_this_tier_wrote(valkey: str) -> None:
    client, own = redis.Redis.from_url(valkey), sessions(valkey, "a horse of its own")
    _, kim = own.open(Session("kim", Role.VIEWER, method="oidc"))
    stored = client.get(f"{NAMESPACE}{kim.id}") or b""
    for forged in ("", "nobody", uuid.UUID(int=0), uuid.uuid4()):
        client.set(f"{NAMESPACE}{forged}", stored, ex=60)
    assert own.list_all() == [kim]
    assert [own.delete(kim.id), own.delete(kim.id)] == [True, False]
    assert own.list_all() == []


def test_step_that_somebody_else_wrote_is_none(valkey: str) -> None:
    client, seal = redis.Redis.from_url(valkey), Seal(config.read(admin_password="correct horse"))
    steps, own, anothers = SecondSteps(client, seal), uuid.uuid4(), uuid.uuid4()
    token = steps.begin(own, 3)
    assert steps.find(token) == (own, 3)
    (name,) = [name for name in client.scan_iter(f"{STEPS}*") if str(own).encode() in (client.get(name) or b"")]
    stored = client.get(name)
    assert isinstance(stored, bytes)
    client.set(name, stored.replace(str(own).encode(), str(anothers).encode()))
    assert steps.find(token) is None
    other = steps.begin(anothers, 0)
    (from_other,) = [
        one
        for one in client.scan_iter(f"{STEPS}*")
        if one != name and str(anothers).encode() in (client.get(one) or b"")
    ]
    client.set(name, client.get(from_other) or b"")
    assert steps.find(token) is None and steps.find(other) == (anothers, 0)


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
