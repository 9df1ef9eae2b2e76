"""ONNX Runtime on an NVIDIA GPU: an extra, `onnxruntime-gpu` in the place of `onnxruntime`."""

from pathlib import Path
from typing import Any, ClassVar

import onnxruntime

from core.vision.runtimes.batching import BatchingNetwork
from core.vision.runtimes.onnx_runtime import OrtNetwork

PROVIDER = "CUDAExecutionProvider"
OPTIONS: dict[str, Any] = {
    # By default every new shape of input is tried with every algorithm first, and pictures come in many shapes.
    "cudnn_conv_algo_search": "HEURISTIC",
    # Doubling what it has, as by default, would take memory that other programs on the GPU need.
    "arena_extend_strategy": "kSameAsRequested",
    # Rounded to 10 bits of mantissa, scores would differ from the CPU's.
    "use_tf32": "0",
}


class CudaNetwork(BatchingNetwork):
    """A model, its batch axis free, that ONNX Runtime runs on a GPU."""

    def __init__(self, model: Path) -> None:
        """Load a model file; RuntimeError when there is no GPU that it can run on."""
        super().__init__(CudaSession(model))


class CudaSession(OrtNetwork):
    """A session on a GPU: one run at a time, of a whole batch."""

    runtime = "cuda"
    providers: ClassVar[list[str | tuple[str, dict[str, Any]]]] = [(PROVIDER, OPTIONS)]

    def __init__(self, model: Path | bytes) -> None:
        """Load a model file, or its bytes; RuntimeError when there is no GPU that it can run on."""
        if not available():
            raise RuntimeError("onnxruntime has no CUDA: the extra gpu is not installed")
        onnxruntime.preload_dlls()  # CUDA's libraries where pip has put them
        super().__init__(model, threads=1)
        if self._session(1).get_providers()[0] != PROVIDER:  # it would go on with the CPU
            raise RuntimeError("there is no GPU that CUDA can use")


def available() -> bool:
    """Return whether this ONNX Runtime was built for CUDA; whether there is a GPU shows when a model is loaded."""
    return PROVIDER in onnxruntime.get_available_providers()
