"""Mutations of pictures over HTTP: forty in every run, 300 with `--faults full` (make test-faults)."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from core.pictures import images
from tests.conftest import StartService
from tests.faults import results
from tests.faults.conftest import OWN
from tests.fuzz import checks, mutations, seeds
from tests.stack import Stack

FORMATS = list(seeds.FORMATS)
FULL, SHORT = 300, 40  # chosen: half a minute at most for the short form
CALLERS = 4
TIMEOUT_S = 60


@pytest.fixture(scope="module")
def stack(start_service: StartService) -> Stack:
    own = {"FACE_API_MAX_IMAGE_PIXELS": str(checks.MAX_PIXELS)}
    return start_service(**OWN | own)


def judged(stack: Stack, data: bytes) -> str:
    """Mask a file over HTTP; return what became of it, and raise where that isn't what reading it here says."""
    whole = checks.picture(data)
    headers, files = {"X-API-Key": stack.key}, {"image": data}
    answer = requests.post(f"{stack.url}/api/v1/mask", files=files, headers=headers, timeout=TIMEOUT_S)
    if whole is None:
        assert 400 <= answer.status_code < 500, (answer.status_code, answer.text[:300])
        assert answer.headers["Content-Type"] == "application/problem+json"
        return "refused"
    assert answer.status_code == 200, (answer.status_code, answer.text[:300])
    masked = images.decode(answer.content, checks.MAX_PIXELS)
    assert masked.pixels.shape == whole.pixels.shape
    return "read"


def test_mutated_files_are_answered(stack: Stack, request: pytest.FixtureRequest) -> None:
    """What can be read is masked as a whole, all else is the caller's mistake; no process dies of it."""
    full = request.config.getoption("--faults") == "full"
    shared: Path | None = request.config.getoption("--shared")
    files = seeds.by_format(seeds.of_folder(shared) if full else ())
    count, dice = FULL if full else SHORT, random.Random(4)
    mutated = [
        mutations.mutate(dice.choice(files[FORMATS[number % len(FORMATS)]]), files[dice.choice(FORMATS)], dice)
        for number in range(count)
    ]
    before = {process.pid for process in stack.worker_processes()}
    with ThreadPoolExecutor(CALLERS) as pool:
        outcomes = Counter(pool.map(lambda data: judged(stack, data), mutated))
    results.write("served_mutations", full=full, **outcomes)
    assert {process.pid for process in stack.worker_processes()} == before
    assert min(outcomes["read"], outcomes["refused"]) > count // 20
