"""What a runtime offers: a loaded model that turns one blob into its outputs."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Blob = NDArray[np.float32]


class Network(Protocol):
    """A loaded model. runtime: the name of what runs it; outputs: how many it has."""

    runtime: str
    outputs: int

    def run(self, blob: Blob) -> Sequence[NDArray[np.float32]]:
        """Return the outputs for a blob of shape (1, 3, height, width); sizes are multiples of 32."""
