"""Blobs that wait at the same moment run as one batch: the same answers as one by one, each for its own caller."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core import config
from core.vision.passes import Pixels, Runner, View
from core.vision.runtimes import batching, quantization, samples
from core.vision.runtimes.batching import BatchingNetwork
from core.vision.runtimes.models import FAMILIES
from core.vision.runtimes.networks import CELL, Blob
from core.vision.runtimes.onnx_runtime import OrtNetwork
from core.weights import downloads, manifest

BATCH = 4
Outputs = Sequence[NDArray[np.float32]]


@pytest.fixture(scope="module", params=["scrfd_2.5g", "scrfd_500m", "centerface"])
def file(request: pytest.FixtureRequest) -> tuple[str, Path]:
    """Return the family and the file of each model."""
    name: str = request.param
    if name != "centerface":
        return "scrfd", request.getfixturevalue("scrfd") / f"{name}.onnx"
    settings = config.read(model=name)
    downloads.pull(manifest.entry(name), settings, downloads.Listener(print))
    return name, settings.weights_dir / f"{name}.onnx"


def pictures() -> list[Pixels]:
    """Return pictures of one shape with faces in other places."""
    group = samples.group()
    mirrored = np.ascontiguousarray(group[:, ::-1])
    return [group, mirrored, np.roll(group, 128, axis=0), np.roll(mirrored, 128, axis=0)]


def test_batch_gives_the_outputs_of_each_picture(file: tuple[str, Path]) -> None:
    family, path = file
    single = OrtNetwork(quantization.dynamic(path), threads=1)
    together = OrtNetwork(quantization.batched(path, FAMILIES[family]), threads=1)
    assert together.takes_pixels and not single.takes_pixels
    outputs = together.run(np.stack(pictures()))
    for place, picture in enumerate(pictures()):
        for all_outputs, alone in zip(outputs, single.run(FAMILIES[family].blob(picture)), strict=True):
            assert all_outputs.shape[0] == BATCH
            assert np.allclose(all_outputs[place].reshape(alone.shape), alone, atol=1e-3)


def test_waiting_pictures_get_their_own_faces(file: tuple[str, Path]) -> None:
    family, path = file
    alone = Runner(OrtNetwork(quantization.dynamic(path), threads=1), FAMILIES[family])
    network = Gated(OrtNetwork(quantization.batched(path, FAMILIES[family]), threads=1))
    together = Runner(BatchingNetwork(network), FAMILIES[family])
    view = View("main", 640)
    with ThreadPoolExecutor(BATCH + 1) as callers:
        first = callers.submit(together.infer, samples.portraits()[0], View("first", 64), 0.5)
        network.wait_until_entered()
        results = [callers.submit(together.infer, picture, view, 0.5) for picture in pictures()]
        wait_for(together, BATCH)
        network.open()
        found = [result.result(60).candidates.distinct(0.4) for result in results]
    first.result()
    assert [shape[0] for shape in network.shapes] == [1, 8]
    for picture, candidates in zip(pictures(), found, strict=True):
        expected = alone.infer(picture, view, 0.5).candidates.distinct(0.4)
        assert len(candidates) == len(expected) > 0
        assert np.allclose(candidates.boxes, expected.boxes, atol=0.1)
        assert np.allclose(candidates.scores, expected.scores, atol=1e-3)


class Gated:
    """A network whose runs wait for a gate; the sum of each blob is its output, and a NaN in one is an error."""

    runtime, outputs, cell, takes_pixels, any_shape = "gated", 1, CELL, False, False

    def __init__(self, network: OrtNetwork | None = None) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self._network, self._gate, self._entered = network, threading.Event(), threading.Event()
        if network:
            self.outputs, self.takes_pixels = network.outputs, network.takes_pixels

    def run(self, blob: Blob) -> Outputs:
        self.shapes.append(blob.shape)
        self._entered.set()
        assert self._gate.wait(60)
        if self._network:
            return self._network.run(blob)
        if np.isnan(blob).any():
            raise MemoryError
        return [blob.sum(axis=(1, 2, 3)).reshape(-1, 1)]

    def open(self) -> None:
        self._gate.set()

    def wait_until_entered(self) -> None:
        assert self._entered.wait(60)


def wait_for(runner: Runner, waiting: int) -> None:
    """Wait until so many blobs wait behind the one that runs."""
    network = runner.network
    assert isinstance(network, BatchingNetwork)
    for _ in range(6000):
        if len(network.waiting) == waiting:
            return
        threading.Event().wait(0.01)
    pytest.fail("they do not wait")


def run_behind_a_first(network: Gated, blobs: Sequence[Blob]) -> list[Future[Outputs]]:
    """Give blobs to a network while it runs another one; return their answers, in order."""
    runner = Runner(BatchingNetwork(network), FAMILIES["scrfd"])
    with ThreadPoolExecutor(len(blobs) + 1) as callers:
        callers.submit(runner.network.run, np.zeros((1, 3, 32, 32), np.float32))
        network.wait_until_entered()
        answers = []
        for number, blob in enumerate(blobs, 1):
            answers.append(callers.submit(runner.network.run, blob))
            wait_for(runner, number)
        network.open()
    return answers


def blob(value: float, height: int = 32, width: int = 64) -> Blob:
    return np.full((1, 3, height, width), value, np.float32)


def test_other_shapes_wait_for_the_next_run() -> None:
    network = Gated()
    blobs = [blob(number, *((32, 64) if number % 2 else (64, 32))) for number in range(8)]
    answers = run_behind_a_first(network, blobs)
    assert network.shapes == [(1, 3, 32, 32), (8, 3, 64, 32), (8, 3, 32, 64)]
    assert [float(answer.result()[0][0, 0]) for answer in answers] == [float(one.sum()) for one in blobs]


def test_error_reaches_the_callers_of_its_batch() -> None:
    network = Gated()
    answers = run_behind_a_first(network, [blob(1), blob(np.nan), blob(2), blob(3), blob(4, 64, 32)])
    assert [type(answer.exception()) for answer in answers] == [*[MemoryError] * 4, type(None)]


@pytest.mark.parametrize(
    ("waiting", "batches"), [(1, [1]), (3, [1, 1, 1]), (4, [8]), (8, [8]), (9, [8, 1]), (12, [8, 8])]
)
def test_batches_have_few_sizes_and_are_at_least_half_full(waiting: int, batches: list[int]) -> None:
    network = Gated()
    answers = run_behind_a_first(network, [blob(number) for number in range(waiting)])
    assert [shape[0] for shape in network.shapes] == [1, *batches]
    assert [float(answer.result()[0][0, 0]) for answer in answers] == [float(blob(n).sum()) for n in range(waiting)]


def test_batches_are_bounded_by_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MAX_PIXELS", 8 * 32 * 32)
    network = Gated()
    run_behind_a_first(network, [blob(n, 32, 32) for n in range(9)] + [blob(n, 64, 64) for n in range(4)])
    assert [shape[0] for shape in network.shapes] == [1, 8, 1, 1, 1, 1, 1]


def test_picture_larger_than_a_batch_runs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MAX_PIXELS", 1)
    network = Gated()
    run_behind_a_first(network, [blob(1), blob(2)])
    assert [shape[0] for shape in network.shapes] == [1, 1, 1]


def test_many_threads_get_their_own_answers() -> None:
    network = Gated()
    network.open()
    together = BatchingNetwork(network)

    def right(number: int) -> bool:
        mine = blob(number, 32 + 32 * (number % 3), 32)
        return float(together.run(mine)[0][0, 0]) == float(mine.sum())

    with ThreadPoolExecutor(16) as callers:
        assert all(callers.map(right, range(300)))
