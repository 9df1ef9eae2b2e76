"""OpenVINO on the CPU: an extra that reads the same files."""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from core.vision.runtimes.networks import CELL, Blob

# At import these tools write an id of the machine to the home folder, and report to their makers.
sys.modules["openvino.tools.ovc"] = cast(ModuleType, None)
import openvino  # noqa: E402 - without the tools, which nothing here needs

# About 65 for each shape of input. measured: a process has 480 MB after 150 shapes, by default 1.1 GB
CACHE_ENTRIES = 1000


class OpenVinoNetwork:
    """A model that OpenVINO runs on the CPU, one run at a time."""

    runtime = "openvino"
    cell = CELL
    any_shape = False

    def __init__(self, model: Path, threads: int) -> None:
        """Load a model file."""
        options: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": threads,
            # Each process would pin its threads to the same CPUs.
            "ENABLE_CPU_PINNING": False,
            # By default parts that are not int8 run in bf16 where the CPU can: other scores, and no faster.
            "INFERENCE_PRECISION_HINT": "f32",
            "CPU_RUNTIME_CACHE_CAPACITY": CACHE_ENTRIES,
        }
        core = openvino.Core()
        self._request = core.compile_model(core.read_model(model), "CPU", options).create_infer_request()
        self.takes_pixels = self._request.model_inputs[0].element_type == openvino.Type.u8
        self.outputs = len(self._request.model_outputs)

    def run(self, blob: Blob) -> Sequence[NDArray[np.float32]]:
        """Return the outputs for a blob."""
        self._request.infer([blob], share_inputs=True)
        # Copies: the next run overwrites the tensors.
        return [np.array(self._request.get_output_tensor(number).data) for number in range(self.outputs)]
