"""Who may wait for the engine, and when who is refused is to come again. Real Valkey; the test plays the workers."""

import math
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from core import config
from core.engine import admission, protocol
from core.engine.admission import Admission
from core.engine.client import EngineClient
from core.engine.heartbeats import Process
from core.errors import EngineUnavailable, QueueFull
from tests.conftest import BuildServices
from tests.core.engine.test_client import ENGINE

TIMEOUT_S = 30
Enter = Callable[..., str]


@pytest.fixture
def engine(
    valkey: str, connection: "redis.Redis", build_services: BuildServices, monkeypatch: pytest.MonkeyPatch
) -> EngineClient:
    """An engine of two processes, which live for as long as a test lasts."""
    monkeypatch.setattr("core.engine.heartbeats.DEAD_AFTER_S", 600)
    made = build_services(config.read(redis_url=valkey, queue_limit=50, job_timeout_s=TIMEOUT_S)).engine
    for name in ("one.a", "one.b"):
        made.beat(Process(name), ENGINE)
    return made


@pytest.fixture
def enter(engine: EngineClient, connection: "redis.Redis") -> Enter:
    def enter(detail: str = "thorough", name: str = "") -> str:
        name = name or admission.new_name("mask_image", detail)
        with connection.pipeline(transaction=False) as steps:
            engine.admission.enter(name, f"message of {name}", steps)
        return name

    return enter


def measure(own: Admission, detail: str, *costs_s: float, size_bytes: int = 0) -> None:
    """Let calls of a kind have cost so much."""
    for cost_s in costs_s:
        own.end(admission.new_name("mask_image", detail, size_bytes), cost_s)


def admitted(act: Callable[..., Any], *args: Any) -> int:
    """Do something until it is refused; return how often it was not."""
    for count in range(1000):
        try:
            act(*args)
        except QueueFull:
            return count
    raise AssertionError("it is never refused")


def refusal(act: Callable[..., Any], *args: Any, **named: Any) -> QueueFull:
    with pytest.raises(QueueFull) as caught:
        act(*args, **named)
    return caught.value


def is_sent_away(engine: EngineClient, name: str, message: str) -> bool:
    try:
        engine.admission.recheck(name, message, TIMEOUT_S - 1)
    except QueueFull:
        return True
    return False


def test_only_who_will_be_answered_may_wait(engine: EngineClient, enter: Enter) -> None:
    measure(engine.admission, "thorough", 4.0)
    # The last waits 14 × 4 / 2 s for those before it, and takes 4 s; one more would be late.
    assert admitted(enter) == 14
    assert "the wait would be 28 s" in refusal(enter).detail


def test_fewer_processes_take_fewer(engine: EngineClient, enter: Enter, connection: "redis.Redis") -> None:
    measure(engine.admission, "thorough", 4.0)
    connection.zrem(protocol.PROCESSES, "one.b/1")
    assert admitted(enter) == 7


def test_each_kind_of_work_has_its_cost(engine: EngineClient, enter: Enter) -> None:
    measure(engine.admission, "thorough", 8.0)
    measure(engine.admission, "fast", 0.1)
    assert admitted(enter) == 6
    assert enter("fast")


def test_large_pictures_keep_no_small_ones_out(engine: EngineClient, enter: Enter) -> None:
    measure(engine.admission, "thorough", *[25.0] * 4, size_bytes=9 * 2**20)
    measure(engine.admission, "thorough", 1.0)
    large = admission.new_name("mask_image", "thorough", 9 * 2**20)
    assert enter(name=large) and refusal(enter, name=admission.new_name("mask_image", "thorough", 9 * 2**20))
    assert admitted(enter) == 34  # the last waits for 25 s of the large one and 33 of the others, shared by two


def test_short_work_is_limited_by_number(engine: EngineClient, enter: Enter) -> None:
    measure(engine.admission, "fast", 0.1)
    assert admitted(enter, "fast") == 50
    assert "50 calls are waiting" in refusal(enter, "fast").detail


def test_costs_follow_the_present(engine: EngineClient, enter: Enter, connection: "redis.Redis") -> None:
    assert admitted(enter) == 29  # nothing is known: FIRST_COSTS_S
    connection.delete(protocol.WAITING)
    measure(engine.admission, "thorough", 10.0)
    assert admitted(enter) == 5
    connection.delete(protocol.WAITING)
    measure(engine.admission, "thorough", *[1.0] * 30)
    assert admitted(enter) > 45


def test_waiting_call_that_costs_have_overtaken_is_sent_away(engine: EngineClient, enter: Enter) -> None:
    names = [enter() for _ in range(29)]
    messages = [f"message of {name}" for name in names]
    for name, message in zip(names, messages, strict=True):
        engine.admission.recheck(name, message, 29)  # nothing is measured
    measure(engine.admission, "thorough", 4.0)
    hopeless = [is_sent_away(engine, *of) for of in zip(names, messages, strict=True)]
    assert hopeless == sorted(hopeless), "the last"
    assert 17 < hopeless.count(False) < 22  # of whom the 20th would be answered after 44 s


def test_call_that_would_begin_too_late_is_sent_away(
    engine: EngineClient, enter: Enter, connection: "redis.Redis"
) -> None:
    """However near its turn is: half done, it would be answered 504."""
    measure(engine.admission, "thorough", 4.0)
    names = [enter() for _ in range(3)]
    for _ in range(2):
        connection.rpop("interactive")  # they are worked on: the third has its turn in 2 s, and then takes 4
    message = f"message of {names[2]}"
    engine.admission.recheck(names[2], message, 5.5)
    assert refusal(engine.admission.recheck, names[2], message, 5.0)


def test_begun_call_is_never_sent_away(engine: EngineClient, enter: Enter, connection: "redis.Redis") -> None:
    name, *_ = [enter() for _ in range(29)]
    measure(engine.admission, "thorough", 40.0)
    connection.rpop("interactive")
    engine.admission.recheck(name, f"message of {name}", 1)


def test_lone_call_is_never_late(engine: EngineClient, enter: Enter) -> None:
    measure(engine.admission, "thorough", 100.0)
    assert enter()
    assert refusal(enter)


def test_refused_come_back_one_after_the_other(engine: EngineClient, enter: Enter) -> None:
    """All of them at the first free moment would be refused again, but for one."""
    measure(engine.admission, "thorough", 4.0)
    admitted(enter)
    began = time.monotonic()
    waits = [refusal(enter).retry_after_s or 0 for _ in range(8)]
    passed_s = time.monotonic() - began
    assert waits == sorted(waits)
    assert 13 - passed_s <= waits[-1] - waits[0] <= 15  # two places, 4 s each
    # Whoever asks all the same puts nobody off for ever.
    assert max(refusal(enter).retry_after_s or 0 for _ in range(100)) == TIMEOUT_S + 2


def test_who_returns_as_told_finds_room(
    engine: EngineClient, enter: Enter, connection: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(engine.admission, "thorough", 4.0)
    names = [enter() for _ in range(14)]
    told_s = [refusal(enter).retry_after_s or 0 for _ in range(4)]
    for ended, after_s in enumerate(told_s, 1):
        # Two places end a call every 4 s; a whole second may have gone by between two refusals.
        done = math.ceil(after_s / 2)
        for name in names[:done]:
            engine.admission.end(name)
        names = names[done:]
        told_s[ended:] = [wait - after_s for wait in told_s[ended:]]
        names.append(enter())


def test_reserved_place_counts_and_becomes_the_calls(
    engine: EngineClient, enter: Enter, connection: "redis.Redis"
) -> None:
    measure(engine.admission, "thorough", 4.0)
    names = [engine.admission.reserve("mask_image", "thorough", 0) for _ in range(14)]
    assert refusal(engine.admission.reserve, "mask_image", "thorough", 0) and refusal(enter)
    assert enter(name=names[0]) == names[0]
    assert (connection.zcard(protocol.WAITING), connection.zcard(protocol.RESERVED)) == (1, 13)
    assert connection.llen("interactive") == 1
    engine.admission.release(names[1])
    assert enter() and refusal(enter)


def test_small_body_is_judged_when_it_is_there(
    engine: EngineClient, enter: Enter, connection: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for a while after a call was refused: then no body is read for nothing."""
    measure(engine.admission, "thorough", 4.0, size_bytes=1)
    for _ in range(14):
        enter(name=engine.admission.reserve("mask_image", "thorough", 1))
    unasked = engine.admission.reserve("mask_image", "thorough", 1)
    assert not connection.exists(protocol.RESERVED) and refusal(enter, name=unasked)
    assert refusal(engine.admission.reserve, "mask_image", "thorough", 1)
    monkeypatch.setattr(admission, "CALM_S", 0.0)
    assert engine.admission.reserve("mask_image", "thorough", 1)


def test_reserved_place_lapses(engine: EngineClient, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends slowly keeps nobody out, and is judged when the picture is there."""
    measure(engine.admission, "thorough", 4.0)
    monkeypatch.setattr(admission, "RESERVED_S", 0.0)
    late = engine.admission.reserve("mask_image", "thorough", 0)
    assert admitted(enter) == 14
    assert refusal(enter, "thorough", late)


def test_place_is_free_when_the_call_has_ended(engine: EngineClient, enter: Enter) -> None:
    measure(engine.admission, "thorough", 4.0)
    names = [enter() for _ in range(14)]
    engine.admission.end(names[3])
    assert enter() and refusal(enter)


def test_nothing_is_reserved_without_an_engine(engine: EngineClient, enter: Enter, connection: "redis.Redis") -> None:
    connection.delete(protocol.WORKER_STATUS)
    assert engine.admission.reserve("mask_image", "fast", 0)
    assert not connection.exists(protocol.RESERVED)
    with pytest.raises(EngineUnavailable):
        enter()


def test_reserving_needs_no_redis(build_services: BuildServices) -> None:
    gone = build_services(config.read(redis_url="redis://127.0.0.1:1/0")).engine
    assert gone.admission.reserve("mask_image", "fast", 0)
