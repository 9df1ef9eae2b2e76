"""How long a client is waited for."""

import pytest

from web.server import patience
from web.server.patience import Pace, Patience

PACE = Pace(bytes_per_s=100, behind_s=10.0)


class Clock:
    """A clock that the test moves."""

    now = 50.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(patience, "time", made)
    return made


def wait(clock: Clock, left: Patience, seconds: float) -> None:
    with left.waiting():
        clock.now += seconds


def test_waiting_uses_patience_up(clock: Clock) -> None:
    left = Patience(PACE)
    wait(clock, left, 4)
    wait(clock, left, 7)
    assert left.left_s == pytest.approx(-1)


def test_least_rate_is_waited_for(clock: Clock) -> None:
    left = Patience(PACE)
    for _ in range(1000):
        wait(clock, left, 1)
        left.moved(100)
    assert left.left_s == pytest.approx(10)


def test_slower_client_is_waited_for_as_long_as_its_bytes_take(clock: Clock) -> None:
    left, moved, waited = Patience(PACE), 0, 0
    while left.left_s > 0:
        wait(clock, left, 1)
        left.moved(10)
        moved, waited = moved + 10, waited + 1
    assert waited == pytest.approx(PACE.behind_s + moved / PACE.bytes_per_s, abs=1)


def test_fast_beginning_saves_nothing_up(clock: Clock) -> None:
    left = Patience(PACE)
    left.moved(1_000_000)
    wait(clock, left, 10)
    assert left.left_s == 0


def test_time_between_waits_costs_nothing(clock: Clock) -> None:
    left = Patience(PACE)
    clock.now += 1000
    assert left.left_s == 10
