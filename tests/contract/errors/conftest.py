"""A stack with a short patience, and the same while its worker stands still."""

from collections.abc import Iterator

import pytest

from tests.contract import pictures
from tests.contract.calls import (
    DETECT,
    WEB_AND_WORKER,
    Starter,
    upload,
)
from tests.stack import Stack


@pytest.fixture(scope="package")
def strict(start_shared_service: Starter) -> Stack:
    """A stack with a short patience, which a fast search keeps to on a busy machine, too, and a short queue."""
    fast = {"FACE_API_DETAIL_DETECT": "fast", "FACE_API_DETAIL_MASK": "fast"}
    return start_shared_service(FACE_API_JOB_TIMEOUT_S="2", FACE_API_QUEUE_LIMIT="1", programs=WEB_AND_WORKER, **fast)


@pytest.fixture
def paused(strict: Stack) -> Iterator[Stack]:
    """The strict stack while its worker stands still."""
    strict.pause_worker()
    yield strict
    strict.resume_worker()
    strict.until(lambda: upload(strict, DETECT, pictures.portrait()).status_code == 200)
