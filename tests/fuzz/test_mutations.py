"""Mutations of pictures in process: some in every run, 20,000 with `--faults full` (make test-faults)."""

import ctypes
import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from core.system import memory
from tests.faults import results
from tests.fuzz import checks, mutations, seeds

FORMATS = list(seeds.FORMATS)
FULL, SHORT = 20_000, 300  # chosen: half a minute at most for the short form
CUTS = 60  # chosen: of each format
HANG_CPU_S = 20  # chosen: ten times the slowest whole file
WARM_UP, MORE_BYTES = 0.2, 100 * 2**20  # chosen: the share after which memory counts; fragments, of pictures of 4 MP


@contextmanager
def hang_is_error() -> Iterator[None]:
    """Raise where the process computes for too long."""

    def stop(_: int, __: FrameType | None) -> None:
        raise checks.Broken("reading a file hangs")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, HANG_CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def check_mutations(files: dict[str, list[bytes]], count: int, seed: int) -> Counter[str]:
    """Check so many mutated files of all formats; return how many were read and refused."""
    dice, outcomes = random.Random(seed), Counter[str]()
    warm = 0
    for number in range(count):
        kind = FORMATS[number % len(FORMATS)]
        others = files[dice.choice(FORMATS)]
        data = mutations.mutate(dice.choice(files[kind]), others, dice)
        with hang_is_error():
            checks.header(data)
            outcomes["read" if checks.picture(data) else "refused"] += 1
        if number == int(count * WARM_UP):
            warm = resident()
    grown = resident() - warm
    assert grown <= MORE_BYTES
    outcomes["grown_mb"] = grown >> 20
    return outcomes


def resident() -> int:
    ctypes.CDLL(None).malloc_trim(0)
    return memory.own_bytes()


def test_mutated_files_are_read_or_refused() -> None:
    outcomes = check_mutations(seeds.by_format(), SHORT, seed=1)
    assert outcomes["read"] > SHORT // 20
    assert outcomes["refused"] > SHORT // 20


@pytest.mark.slow
def test_mutated_shared_files_are_read_or_refused(shared_data: Path, request: pytest.FixtureRequest) -> None:
    files = seeds.by_format(seeds.of_folder(shared_data.parent))
    full = request.config.getoption("--faults") == "full"
    outcomes = check_mutations(files, FULL if full else SHORT, seed=2)
    results.write("mutations", full=full, files=sum(map(len, files.values())), **outcomes)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_cut_file_is_refused_or_whole(kind: str) -> None:
    dice = random.Random(3)
    whole = [(data, picture) for data in seeds.by_format()[kind] if (picture := checks.picture(data))]
    for _ in range(CUTS):
        data, picture = dice.choice(whole)
        checks.cut(mutations.cut(data, b"", dice), picture)
