"""What a runtime offers: a loaded model that turns one blob into its outputs."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Blob = NDArray[np.float32]
# How many CPUs are idle, if each process that is busy uses so many threads.
IdleCpus = Callable[[int], int]


def no_idle_cpus(threads: int) -> int:
    """Leave the other CPUs alone."""
    return 0


class Network(Protocol):
    """A loaded model. runtime: the name of what runs it; outputs: how many it has."""

    runtime: str
    outputs: int

    def run(self, blob: Blob) -> Sequence[NDArray[np.float32]]:
        """Return the outputs for a blob of shape (1, 3, height, width); sizes are multiples of 32."""
