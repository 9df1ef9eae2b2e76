"""503 and 504: what may succeed later."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.contract import pictures
from tests.contract.calls import (
    DETECT,
    MASK,
    PATHS,
    assert_problem,
    post,
    upload,
)
from tests.contract.errors.test_options import PHOTO
from tests.stack import Stack


def assert_retry_after(response: requests.Response) -> None:
    """Check that the answer says in whole seconds when to come again."""
    assert response.headers["Retry-After"].isdigit() and int(response.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("path", PATHS)
def test_outlived_job_is_504(paused: Stack, path: str) -> None:
    response = post(paused, path, files={"image": pictures.portrait()}, timeout=60)
    assert assert_problem(response, 504)["code"] == "job_timed_out"


def test_full_queue_is_503(paused: Stack) -> None:
    barrier = threading.Barrier(8)

    def call(path: str) -> requests.Response:
        barrier.wait()
        return upload(paused, path, pictures.portrait())

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, PATHS * 4))
    assert {answer.status_code for answer in answers} <= {503, 504}
    full = [answer for answer in answers if answer.status_code == 503]
    assert full
    for answer in full:
        assert_problem(answer, 503)
        assert_retry_after(answer)


def test_service_recovers_from_pause(strict: Stack) -> None:
    strict.pause_worker()
    assert upload(strict, MASK, pictures.portrait()).status_code in (503, 504)
    strict.resume_worker()
    strict.until(lambda: upload(strict, MASK, pictures.portrait()).status_code == 200)


@pytest.mark.parametrize("path", PATHS)
def test_missing_worker_is_503(without_worker: Stack, path: str) -> None:
    response = upload(without_worker, path, pictures.portrait())
    assert_problem(response, 503)
    assert_retry_after(response)


def test_missing_redis_is_503(without_redis: Stack) -> None:
    response = post(without_redis, DETECT, files={"image": pictures.portrait()}, timeout=60)
    assert_problem(response, 503)
    assert_retry_after(response)


@pytest.mark.parametrize("stack", ["without_worker", "without_redis"])
def test_refusals_need_no_engine(request: pytest.FixtureRequest, stack: str) -> None:
    service: Stack = request.getfixturevalue(stack)
    assert_problem(post(service, DETECT, key="", files={"image": PHOTO}), 401)
    assert_problem(upload(service, DETECT, pictures.portrait(), {"confidence": "7"}), 422)
    assert_problem(upload(service, DETECT, pictures.STRANGERS["gif"]), 415)
    assert_problem(requests.get(service.url + "/nope", timeout=30), 404)
