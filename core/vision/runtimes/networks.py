"""What a runtime offers: a loaded model that turns one blob into its outputs."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# What a network takes. See `Network.takes_pixels` for its shape.
Blob = NDArray[np.float32 | np.uint8]
CELL = 32  # the coarsest stride of the models
# How many CPUs are idle, if each process that is busy uses so many threads.
IdleCpus = Callable[[int], int]


def no_idle_cpus(threads: int) -> int:
    """Leave the other CPUs alone."""
    return 0


class Network(Protocol):
    """A loaded model.

    runtime: the name of what runs it; outputs: how many it has; cell: the sides of its input are multiples of so many
    pixels; takes_pixels: it takes a canvas, (1, height, width, 3), and not a family's blob, (1, 3, height, width);
    any_shape: the first input of a shape takes no longer than another.
    """

    runtime: str
    outputs: int
    cell: int
    takes_pixels: bool
    any_shape: bool

    def run(self, blob: Blob) -> Sequence[NDArray[np.float32]]:
        """Return the outputs for a blob."""
