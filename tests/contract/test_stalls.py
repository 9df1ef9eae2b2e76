"""A Redis that accepts connections and answers nothing: calls are answered without it."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.admin import basic, log_in
from tests.contract.calls import WEB_ALONE, Starter, assert_problem, post
from tests.stack import Stack

CALLERS = 8
LIMIT = 30


@pytest.fixture(scope="module")
def limited(start_service: Starter) -> Stack:
    """A stack without a worker, whose limits are low."""
    return start_service(
        FACE_API_RATE_LIMIT_DETECT=f"{LIMIT}/minute", FACE_API_RATE_LIMIT_MASK=f"{LIMIT}/minute", programs=WEB_ALONE
    )


@pytest.fixture
def stalled(limited: Stack) -> Iterator[Stack]:
    """The stack while its Redis stands still."""
    limited.processes["redis"].send_signal(signal.SIGSTOP)
    yield limited
    limited.processes["redis"].send_signal(signal.SIGCONT)
    limited.until(lambda: log_in(limited).status_code == 204)


@pytest.mark.parametrize("path", ["/api/v1/detect", "/api/v1/mask"])
def test_stalled_redis_fails_no_call(stalled: Stack, path: str) -> None:
    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(lambda _: post(stalled, path), range(LIMIT + CALLERS)))
    assert {answer.status_code for answer in answers} <= {422, 429, 503}
    assert sum(answer.status_code != 429 for answer in answers) <= LIMIT
    assert all("Retry-After" in answer.headers for answer in answers if answer.status_code != 422)
    assert all("X-RateLimit-Remaining" in answer.headers for answer in answers)


def test_stalled_redis_keeps_the_administrator(stalled: Stack) -> None:
    with ThreadPoolExecutor(CALLERS) as pool:
        answers = list(pool.map(lambda _: basic(stalled, "GET", "/auth/session"), range(CALLERS)))
    assert [answer.status_code for answer in answers] == [200] * CALLERS
    assert_problem(log_in(stalled), 503)
