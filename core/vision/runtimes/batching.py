"""Batching: blobs of one shape that wait at the same moment are run at once, which a GPU needs to be busy."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from core.vision.runtimes.networks import Blob, Network

Outputs = Sequence[NDArray[np.float32]]

MAX_BATCH = 32  # chosen: beyond it a GPU is no busier, and every caller waits for the last
# chosen: 32 blobs of the nominal size; larger ones come in smaller batches, so that memory is bounded
MAX_PIXELS = MAX_BATCH * 640 * 640


class BatchingNetwork:
    """Runs a network whose batch axis is free, for many threads: whatever waits while a run lasts is the next batch."""

    def __init__(self, network: Network) -> None:
        self.runtime = network.runtime
        self.outputs = network.outputs
        self._network = network
        self.waiting: list[tuple[Blob, Future[Outputs]]] = []
        self._lock = threading.Lock()
        self._device = ThreadPoolExecutor(1, thread_name_prefix="batches")

    def run(self, blob: Blob) -> Outputs:
        """Return the outputs for a blob of shape (1, 3, height, width), each with a batch axis of one."""
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
            outputs = self._network.run(np.concatenate([blob for blob, _ in batch]) if len(batch) > 1 else batch[0][0])
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
            shape = self.waiting[0][0].shape
            most = max(1, min(MAX_BATCH, MAX_PIXELS // (shape[2] * shape[3])))
            batch = [call for call in self.waiting if call[0].shape == shape][:most]
            taken = {id(answer) for _, answer in batch}
            self.waiting = [call for call in self.waiting if id(call[1]) not in taken]
        return batch
