"""Stacks in the states that several of the contract's tests look at."""

import time

import pytest
import requests

from tests.contract.calls import WEB_ALONE, WEB_AND_WORKER, Starter
from tests.stack import PATIENCE_S, Stack


def health_status(service: Stack) -> int:
    """The status of /health now."""
    return requests.get(service.url + "/health", timeout=30).status_code


def wait_until_degraded(service: Stack, limit_s: float = PATIENCE_S) -> None:
    """Wait until /health has noticed that something is gone."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end and health_status(service) != 503:
        time.sleep(0.5)


@pytest.fixture(scope="session")
def without_worker(start_shared_service: Starter) -> Stack:
    """A stack whose worker ended."""
    service = start_shared_service(FACE_API_JOB_TIMEOUT_S="2", programs=WEB_AND_WORKER)
    service.stop_worker()
    wait_until_degraded(service)
    return service


@pytest.fixture(scope="session")
def without_redis(start_shared_service: Starter) -> Stack:
    """A stack whose Redis ended; three masks a minute, any number of detections."""
    service = start_shared_service(FACE_API_RATE_LIMIT_MASK="3/minute", programs=WEB_AND_WORKER)
    service.stop_redis()
    wait_until_degraded(service)
    return service


@pytest.fixture(scope="session")
def idle(start_shared_service: Starter) -> Stack:
    """A stack without a worker: the tests say what becomes of an item."""
    return start_shared_service(FACE_API_WEB_THREADS="16", programs=WEB_ALONE)
