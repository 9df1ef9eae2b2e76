"""Which calls the Python client makes again, and for how long."""

import time
from contextlib import ExitStack
from dataclasses import replace

import httpx
import pytest

from face_api_client import Client, Rejected, Retries, Unavailable, retries
from face_api_client.retries import Attempts, FailedAttempt, ServiceState
from tests.clients.scripted import HANG_UP, Answer, ScriptedServer, as_json, problem
from tests.ports import free_port
from web.openapi.batch_examples import A_BATCH
from web.openapi.examples import DETECTED

# The service may have done what it was asked for.
UNCLEAR = [HANG_UP, problem(500, "internal_error"), problem(504, "job_timed_out"), Answer(502)]
SOON = Retries(limit_s=60, first_limit_s=60, busy_limit_s=60)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "monotonic", made)
    return made


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_BACKOFF_S", 0.01)


def failed(status: int, code: str = "x", retry_after: str = "") -> FailedAttempt:
    headers = {"Retry-After": retry_after} if retry_after else {}
    return FailedAttempt.of_response(httpx.Response(status, json={"code": code, "detail": ""}, headers=headers))


@pytest.mark.parametrize(("status", "code"), [(429, "rate_limited"), (503, "queue_full"), (503, "engine_unavailable")])
def test_refused_picture_is_sent_again(status: int, code: str) -> None:
    answers = problem(status, code), problem(status, code), as_json(DETECTED)
    waits: list[str] = []
    with (
        ScriptedServer(*answers).running() as server,
        Client(server.url, retries=Retries(on_wait=waits.append)) as client,
    ):
        client.detect_faces(b"a picture")
        assert len(server.received) == 3 and all(b"a picture" in request.head for request in server.received)
    assert waits == [f"waiting: it is {code}"] * 2


@pytest.mark.parametrize(
    "answer", [HANG_UP, problem(500, "internal_error"), problem(504, "job_timed_out"), Answer(502)]
)
def test_picture_that_may_have_arrived_is_not_sent_again(answer: Answer) -> None:
    with (
        ScriptedServer(answer, as_json(DETECTED)).running() as server,
        Client(server.url, retries=SOON) as client,
    ):
        calls = (lambda: client.detect_faces(b"x"), lambda: client.mask_image(b"x"))
        for call in (*calls, lambda: client.create_video_from_bucket("a key")):
            server.answers.insert(0, answer)
            before = len(server.received)
            with pytest.raises((Unavailable, Rejected)):
                call()
            assert len(server.received) == before + 1


@pytest.mark.parametrize(
    "answer", [HANG_UP, problem(500, "internal_error"), problem(504, "job_timed_out"), Answer(502)]
)
def test_what_can_be_repeated_is(answer: Answer) -> None:
    with (
        ScriptedServer(answer, answer, as_json(A_BATCH)).running() as server,
        Client(server.url, retries=SOON) as client,
    ):
        assert client.cancel_batch("some").name == A_BATCH["name"]
        assert len(server.received) == 3


def test_picture_that_could_not_be_sent_is_sent_again() -> None:
    """The first attempt finds nobody; the service starts meanwhile."""
    port, stack = free_port(), ExitStack()
    servers: list[ScriptedServer] = []

    def start(reason: str) -> None:
        assert "can't be reached" in reason
        if not servers:
            servers.append(stack.enter_context(ScriptedServer(as_json(DETECTED), port=port).running()))

    with stack, Client(f"http://127.0.0.1:{port}", retries=Retries(60, 60, 60, start)) as client:
        client.detect_faces(b"a picture")
        assert len(servers[0].received) == 1


def test_deleting_what_is_gone_is_no_error() -> None:
    with ScriptedServer(problem(404, "not_found")).running() as server, Client(server.url) as client:
        client.delete_batch("some")
        with pytest.raises(Rejected):
            client.get_batch("some")


def test_defect_is_tried_three_times() -> None:
    with (
        ScriptedServer(problem(500, "internal_error")).running() as server,
        Client(server.url) as client,
        pytest.raises(Rejected),
    ):
        client.get_batch("some")
    assert len(server.received) == 3


@pytest.mark.parametrize("seconds", [7, 60])
def test_all_calls_wait_as_long_as_the_service_asks(clock: Clock, seconds: int) -> None:
    state = ServiceState()
    one, other = Attempts(SOON, state, True), Attempts(SOON, state, True)
    assert one.failed(failed(429, "rate_limited", str(seconds))) == 0
    assert one.pause_s() == other.pause_s() == seconds
    clock.now += seconds
    assert other.pause_s() == 0


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("longest", "seconds"), [(60, 61), (0.5, 1), (60, 900)])
def test_longer_wait_than_is_meant_is_an_error(clock: Clock, status: int, longest: float, seconds: int) -> None:
    state, waits = ServiceState(), list[str]()
    attempts = Attempts(replace(SOON, on_wait=waits.append, max_wait_s=longest), state, True)
    with pytest.raises(Unavailable) as raised:
        attempts.failed(failed(status, "rate_limited", str(seconds)))
    assert (raised.value.retry_after_s, attempts.pause_s(), waits) == (seconds, 0, [])


def test_limits_are_of_their_kinds(clock: Clock) -> None:
    """Busy is not down, and what has never answered is probably not there."""
    policy = Retries(limit_s=60, first_limit_s=5, busy_limit_s=600)
    unreachable = FailedAttempt.of_transport(httpx.ConnectError("refused"))
    assert FailedAttempt.of_transport(httpx.ReadError("")).error.detail.endswith(": ReadError")
    first = Attempts(policy, ServiceState(), True)
    first.failed(unreachable)
    clock.now += 6
    with pytest.raises(Unavailable) as raised:
        first.failed(unreachable)
    assert not raised.value.has_answered
    later = Attempts(policy, ServiceState(), True)
    for _ in range(5):
        clock.now += 100
        later.failed(failed(503, "queue_full"))
    clock.now += 59
    later.failed(unreachable)
    clock.now += 2
    with pytest.raises(Unavailable) as raised:
        later.failed(unreachable)
    assert raised.value.has_answered
    busy = Attempts(policy, ServiceState(), True)
    busy.failed(failed(429, "rate_limited"))
    clock.now += 601
    with pytest.raises(Unavailable):
        busy.failed(failed(429, "rate_limited"))


def test_back_off_grows(clock: Clock) -> None:
    attempts = Attempts(SOON, ServiceState(True), True)
    waits = [attempts.failed(failed(503)) for _ in range(5)]
    assert all(0.005 * 2**place <= wait <= 0.01 * 2**place for place, wait in enumerate(waits))


@pytest.mark.parametrize(
    ("header", "seconds"), [("", None), ("soon", None), ("3", 3.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)]
)
def test_retry_after_is_read(header: str, seconds: float | None) -> None:
    assert retries.retry_after_s(header) == seconds
