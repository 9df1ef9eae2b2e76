"""Failed log-ins: of all strangers together, of those who are known, and forgotten."""

import uuid
from collections.abc import Callable, Iterator

import pytest
import redis

from core.access import lockouts
from core.access.lockouts import MAX_FAILURES, Lockout, LoginSource
from core.errors import RateLimited, Unauthenticated

TOTAL = 25


@pytest.fixture(params=["redis", "process"])
def lockout(request: pytest.FixtureRequest, valkey: str) -> Iterator[Lockout]:
    """Count in Redis, and in this process alone."""
    client = redis.Redis.from_url(valkey if request.param == "redis" else "redis://127.0.0.1:1/0")
    if request.param == "redis":
        lockouts.unlock(client)
    yield Lockout(client, f"{TOTAL}/hour")
    if request.param == "redis":
        lockouts.unlock(client)


@pytest.fixture
def stranger() -> Callable[[], LoginSource]:
    """Make an address that nobody has come from."""
    return lambda: LoginSource(str(uuid.uuid4()))


def outcome(lockout: Lockout, source: LoginSource, *, correct: bool = False) -> int | None:
    """Return the seconds of a block, 0 for a failure, None for a success."""
    try:
        lockout.count(source, correct=correct)
    except RateLimited as error:
        return error.retry_after_s
    except Unauthenticated:
        return 0
    return None


def test_strangers_share_a_limit(lockout: Lockout, stranger: Callable[[], LoginSource]) -> None:
    outcomes = [outcome(lockout, stranger()) for _ in range(TOTAL + 5)]
    assert outcomes[:TOTAL] == [0] * TOTAL
    assert all(wait_s and 3500 <= wait_s <= 3600 for wait_s in outcomes[TOTAL:])
    assert outcome(lockout, stranger(), correct=True)


def test_limit_of_strangers_stops_no_one_known(lockout: Lockout, stranger: Callable[[], LoginSource]) -> None:
    address, browser = stranger(), LoginSource(f"device:{uuid.uuid4()}", is_known=True)
    assert outcome(lockout, address, correct=True) is None
    for _ in range(TOTAL + 1):
        outcome(lockout, stranger())
    assert outcome(lockout, address, correct=True) is None
    assert outcome(lockout, browser) == 0
    assert outcome(lockout, browser, correct=True) is None


def test_those_who_are_known_use_up_nothing_of_strangers(lockout: Lockout, stranger: Callable[[], LoginSource]) -> None:
    for _ in range(TOTAL // 5):
        browser = LoginSource(f"device:{uuid.uuid4()}", is_known=True)
        assert [outcome(lockout, browser) for _ in range(MAX_FAILURES)] == [0] * MAX_FAILURES
    assert outcome(lockout, stranger()) == 0


def test_known_browser_is_blocked_alone(lockout: Lockout, stranger: Callable[[], LoginSource]) -> None:
    browser, other = (LoginSource(f"device:{uuid.uuid4()}", is_known=True) for _ in range(2))
    assert [outcome(lockout, browser) for _ in range(MAX_FAILURES)] == [0] * MAX_FAILURES
    assert 895 <= (outcome(lockout, browser, correct=True) or 0) <= 900
    assert outcome(lockout, other, correct=True) is None


def test_success_makes_up_for_the_same_account_alone(lockout: Lockout, stranger: Callable[[], LoginSource]) -> None:
    address = stranger().name
    own, anothers = LoginSource(address, "own"), LoginSource(address, "another's")
    for _ in range(MAX_FAILURES - 1):
        assert outcome(lockout, own) == 0
    assert outcome(lockout, own, correct=True) is None
    for _ in range(MAX_FAILURES):
        assert outcome(lockout, anothers) == 0
        outcome(lockout, own, correct=True)
    assert outcome(lockout, anothers, correct=True) and outcome(lockout, own, correct=True)


def test_who_is_known_is_a_stranger_to_other_accounts(lockout: Lockout, stranger: Callable[[], LoginSource]) -> None:
    addresses = [stranger().name for _ in range(TOTAL + 1)]
    for address in addresses:
        assert outcome(lockout, LoginSource(address, "own"), correct=True) is None
    guesses = [outcome(lockout, LoginSource(address, "another's")) for address in addresses]
    assert guesses[:TOTAL] == [0] * TOTAL and guesses[TOTAL]
    assert outcome(lockout, LoginSource(addresses[0], "own"), correct=True) is None


def test_unlocking_forgets_failures(valkey: str, stranger: Callable[[], LoginSource]) -> None:
    client, address = redis.Redis.from_url(valkey), stranger()
    lockouts.unlock(client)
    lockout = Lockout(client, f"{TOTAL}/hour")
    for _ in range(MAX_FAILURES):
        outcome(lockout, address)
    for _ in range(TOTAL):
        outcome(lockout, stranger())
    assert outcome(lockout, address, correct=True) and outcome(lockout, stranger(), correct=True)
    assert lockouts.unlock(client) == 1 + TOTAL - MAX_FAILURES
    assert outcome(lockout, address, correct=True) is None and outcome(lockout, stranger(), correct=True) is None
    assert lockouts.unlock(client) == 0
