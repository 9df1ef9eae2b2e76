"""The measuring core of all benches: subjects that work on the same pictures in turn, and what each of them takes.

A subject is anything that goes through the pictures when told to: programs of their own (tests/bench/processes.py), or
a service that is called over HTTP (tests/bench/callers.py). All make whole passes, so that each has done the same.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import psutil

from tests.bench.figures import Measured

# measured: a sample of a service takes 32 ms of CPU; of two CPUs, three a second take a twentieth
SAMPLE_EVERY_S = 2.0  # chosen: twice in a measurement of 4 s, for less than a hundredth


@dataclass(frozen=True)
class Done:
    """What a subject did: how long each call took, and all together; refused: calls that it turned away."""

    ms: list[float]
    elapsed_s: float
    pictures: int
    refused: int = 0


class Subject(Protocol):
    """What is measured. parts: its own processes by name, with all below them; beside: those of what it needs."""

    name: str

    @property
    def parts(self) -> Mapping[str, list[int]]: ...
    @property
    def beside(self) -> Mapping[str, list[int]]: ...
    def prepare(self) -> None:
        """Do what comes before a measurement and is not part of it."""

    def work(self, seconds: float) -> Done:
        """Go through all pictures, again and again until so many seconds have passed."""


def in_turn(subjects: Sequence[Subject], rounds: int, seconds: float) -> dict[str, list[Measured]]:
    """Measure every subject in each round, so that what else the machine does meets all of them alike."""
    found: dict[str, list[Measured]] = {subject.name: [] for subject in subjects}
    for _ in range(rounds):
        for subject in subjects:
            found[subject.name].append(measure(subject, seconds))
    return found


def measure(subject: Subject, seconds: float) -> Measured:
    """Measure one subject once."""
    subject.prepare()
    before = {name: cpu_s(pids) for name, pids in _all(subject).items()}
    with _peak(subject) as peak:
        done = subject.work(seconds)
    taken = {name: cpu_s(pids) - before[name] for name, pids in _all(subject).items()}
    own = {name: spent for name, spent in taken.items() if name in subject.parts}
    beside = {name: spent for name, spent in taken.items() if name not in subject.parts}
    return Measured(done.pictures, done.elapsed_s, tuple(done.ms), own, beside, max(peak), done.refused)


def cpu_s(pids: Iterable[int]) -> float:
    """Sum the seconds of CPU of these processes and all below them, those that have ended included."""
    return sum(sum(process.cpu_times()[:4]) for process in _tree(pids))


def memory_mb(pids: Iterable[int]) -> float:
    """Sum what these processes and all below them hold; what several share is counted once."""
    total = 0.0
    for process in _tree(pids):
        with contextlib.suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / 2**20


def timed_ms(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def _all(subject: Subject) -> dict[str, list[int]]:
    return {**subject.parts, **subject.beside}


def _tree(pids: Iterable[int]) -> list[psutil.Process]:
    roots = [psutil.Process(pid) for pid in pids]
    return [one for root in roots for one in [root, *root.children(recursive=True)]]


@contextlib.contextmanager
def _peak(subject: Subject) -> Iterator[list[float]]:
    """Note what the subject's own processes hold, now and then."""
    pids = [pid for own in subject.parts.values() for pid in own]
    samples, over = [memory_mb(pids)], threading.Event()

    def sample() -> None:
        while not over.wait(SAMPLE_EVERY_S):
            samples.append(memory_mb(pids))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()
