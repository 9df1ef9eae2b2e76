"""Batching: blobs of one shape that wait at the same moment are run at once, which a GPU needs to be busy."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from core.vision.runtimes.networks import Blob, Network

Outputs = Sequence[NDArray[np.float32]]

# A GPU prepares itself for each size of batch, so these are few, and one that is at least half full is filled up.
# measured with scrfd_2.5g on an H200: 455 pictures of 640 x 640 a second one by one, 1,132 by 8, 1,225 by 16
BATCHES = (1, 8)
# chosen: 32 blobs of the nominal size; larger ones come in smaller batches, so that memory is bounded
MAX_PIXELS = 32 * 640 * 640


class BatchingNetwork:
    """Runs a network whose batch axis is free, for many threads: whatever waits while a run lasts is the next batch."""

    def __init__(self, network: Network) -> None:
        self.runtime = network.runtime
        self.outputs = network.outputs
        self.cell = network.cell
        self.takes_pixels = network.takes_pixels
        self.any_shape = network.any_shape
        self._network = network
        self.waiting: list[tuple[Blob, Future[Outputs]]] = []
        self._lock = threading.Lock()
        self._device = ThreadPoolExecutor(1, thread_name_prefix="batches")

    def run(self, blob: Blob) -> Outputs:
        """Return the outputs for a blob, each with a batch axis of one."""
        answer: Future[Outputs] = Future()
        with self._lock:
            self.waiting.append((blob, answer))
        self._device.submit(self._run_batch)  # one for each blob: those whose blob has gone with others find none
        return answer.result()

    def _run_batch(self) -> None:
        batch = self._take_batch()
        if not batch:
            return
        try:
            outputs = self._network.run(_filled([blob for blob, _ in batch]))
            parts = [[output[place : place + 1] for output in outputs] for place in range(len(batch))]
        except BaseException as error:  # noqa: BLE001 - it reaches those whose blobs were run
            for _, answer in batch:
                answer.set_exception(error)
            return
        for (_, answer), part in zip(batch, parts, strict=True):
            answer.set_result(part)

    def _take_batch(self) -> list[tuple[Blob, "Future[Outputs]"]]:
        """Take the blob that has waited longest, and others of its shape."""
        with self._lock:
            if not self.waiting:
                return []
            first = self.waiting[0][0]
            alike = [call for call in self.waiting if call[0].shape == first.shape]
            batch = alike[: _size(len(alike), first.size // 3)]
            taken = {id(answer) for _, answer in batch}
            self.waiting = [call for call in self.waiting if id(call[1]) not in taken]
        return batch


def _size(waiting: int, pixels: int) -> int:
    """Return the size of the next batch of blobs of so many pixels."""
    return max(size for size in BATCHES if size == 1 or (size <= 2 * waiting and size * pixels <= MAX_PIXELS))


def _filled(blobs: Sequence[Blob]) -> Blob:
    """Return blobs as one of the sizes of a batch, its last blob repeated."""
    size = min(size for size in BATCHES if size >= len(blobs))
    return blobs[0] if size == 1 else np.concatenate([*blobs, *[blobs[-1]] * (size - len(blobs))])
