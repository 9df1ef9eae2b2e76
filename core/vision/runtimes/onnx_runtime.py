"""ONNX Runtime sessions: made once per process, after the fork that they would not survive."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

# From 1.29 on ONNX Runtime writes an id of the machine to the home folder at import, and reports to its makers.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime  # it looks for the variable at import


class OrtNetwork:
    """A model that ONNX Runtime runs on the CPU."""

    runtime = "onnxruntime"

    def __init__(self, model: Path | bytes, threads: int) -> None:
        """Load a model file, or its bytes."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # A thread that spins while it waits takes the CPU that another process of the worker could use.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # The arena keeps memory for every input shape that it was ever given, and pictures come in many shapes.
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3  # the 500m file declares fixed output shapes and would warn at every call
        source = model if isinstance(model, bytes) else str(model)
        self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self.outputs = len(self._session.get_outputs())

    def run(self, blob: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        """Return the outputs for a blob of shape (1, 3, height, width)."""
        return cast(Sequence[NDArray[np.float32]], self._session.run(None, {self._input: blob}))
