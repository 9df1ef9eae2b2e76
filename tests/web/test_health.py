"""Asking a tier that may hang, and which answers to monitors are news."""

import threading
from collections.abc import Iterator

import pytest

from core.observability.probes import Probe
from web.health import HealthNews


class Tier:
    """A tier that can hang; `asked` counts."""

    def __init__(self) -> None:
        self.going_on, self.asked = threading.Event(), 0
        self.going_on.set()

    def ask(self) -> str:
        self.asked += 1
        self.going_on.wait()
        return f"answer {self.asked}"


@pytest.fixture
def tier() -> Iterator[Tier]:
    made = Tier()
    yield made
    made.going_on.set()


def test_probe_returns_the_answer(tier: Tier) -> None:
    assert Probe(tier.ask).start().answer(60) == "answer 1"


def test_hanging_tier_is_asked_once_and_waited_for_once(tier: Tier) -> None:
    tier.going_on.clear()
    probe = Probe(tier.ask)
    assert probe.start().answer(0.05) is None
    for _ in range(100):  # 5 s if each of them waited
        assert probe.start().answer(0.05) is None
    assert tier.asked == 1


def test_tier_that_goes_on_is_asked_again(tier: Tier) -> None:
    tier.going_on.clear()
    probe = Probe(tier.ask)
    hanging = probe.start()
    assert hanging.answer(0.01) is None
    tier.going_on.set()
    assert hanging.future.result(60) == "answer 1"
    assert probe.start().answer(60) == "answer 2"


def test_callers_share_an_answer(tier: Tier) -> None:
    tier.going_on.clear()
    probe = Probe(tier.ask)
    asked = [probe.start() for _ in range(20)]
    tier.going_on.set()
    assert {one.answer(60) for one in asked} == {"answer 1"}


def test_fresh_answer_is_used_again(tier: Tier) -> None:
    probe = Probe(tier.ask, fresh_s=100)
    assert [probe.start().answer(60) for _ in range(3)] == ["answer 1"] * 3


def test_failing_tier_has_no_answer() -> None:
    def fail() -> str:
        raise RuntimeError("a driver's")

    assert Probe(fail, fresh_s=100).start().answer(60) is None


@pytest.mark.parametrize(
    ("answers", "news"),
    [
        ([False, False, True, True], [False, False, False, False]),  # a start
        ([True, False, False, True, True], [False, True, False, True, False]),
        ([False, True, False], [False, False, True]),
    ],
)
def test_changes_after_the_start_are_news(answers: list[bool], news: list[bool]) -> None:
    of_health = HealthNews()
    assert [of_health.is_news("/health", ready=ready) for ready in answers] == news
    assert not of_health.is_news("/health/ready", ready=False)  # another question
