"""ONNX Runtime on an NVIDIA GPU: an extra, `onnxruntime-gpu` in the place of `onnxruntime`."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import onnxruntime
from cachetools import LRUCache
from numpy.typing import NDArray

from core.vision.runtimes.batching import BatchingNetwork
from core.vision.runtimes.networks import Blob
from core.vision.runtimes.onnx_runtime import OrtNetwork

PROVIDER = "CUDAExecutionProvider"
OPTIONS: dict[str, Any] = {
    # By default each convolution is tried with every algorithm at each new shape of input.
    "cudnn_conv_algo_search": "HEURISTIC",
    # Doubling what it has, as by default, would take memory that other programs on the GPU need.
    "arena_extend_strategy": "kSameAsRequested",
    # Rounded to 10 bits of mantissa, scores would differ from the CPU's.
    "use_tf32": "0",
}
# What ONNX Runtime, CUDA, its libraries and C++ say of it: "Failed to allocate memory", "out of memory",
# CUBLAS_STATUS_ALLOC_FAILED, std::bad_alloc; of a new session that has no memory at all, CUDNN_STATUS_NOT_INITIALIZED.
LACKS_MEMORY = re.compile(r"out.?of.?memory|alloc|STATUS_NOT_INITIALIZED", re.IGNORECASE)
# chosen: 24 photographs that were masked had 32 shapes. measured: each takes 150 MB, beside what its pictures need
MAX_SHAPES = 48


class CudaNetwork(BatchingNetwork):
    """A model, its batch axis free, that ONNX Runtime runs on a GPU."""

    def __init__(self, model: Path) -> None:
        """Load a model file; RuntimeError when there is no GPU that it can run on."""
        super().__init__(CudaSession(model))


class CudaSession(OrtNetwork):
    """Sessions on a GPU, one for each shape: one run at a time, of a whole batch.

    A session that meets another shape than in the run before plans all its convolutions anew. measured on an H200: 110
    ms with scrfd_2.5g, over 1 s with scrfd_500m, instead of 2 ms
    """

    runtime = "cuda"
    cell = 128  # chosen: a quarter of the shapes in each direction; a GPU has time for what is black
    any_shape = False
    providers: ClassVar[list[str | tuple[str, dict[str, Any]]]] = [(PROVIDER, OPTIONS)]
    gives_back = False  # what its runs take is the GPU's

    def __init__(self, model: Path | bytes) -> None:
        """Load a model file, or its bytes; RuntimeError when there is no GPU that it can run on."""
        if not available():
            raise RuntimeError("onnxruntime has no CUDA: the extra gpu is not installed")
        onnxruntime.preload_dlls()  # CUDA's libraries where pip has put them
        super().__init__(model, threads=1)
        if self._session(1).get_providers()[0] != PROVIDER:  # it would go on with the CPU
            raise RuntimeError("there is no GPU that CUDA can use")
        self.shape_sessions: LRUCache[tuple[int, ...], onnxruntime.InferenceSession] = LRUCache(MAX_SHAPES)

    def run(self, blob: Blob) -> Sequence[NDArray[np.float32]]:
        """Return the outputs for a batch."""
        try:
            return self._run(blob)
        except Exception as error:
            if not (self.shape_sessions and _lacks_memory(error)):
                raise
            self.shape_sessions.clear()
            return self._run(blob)

    def _run(self, blob: Blob) -> Sequence[NDArray[np.float32]]:
        session = self.shape_sessions.get(blob.shape)
        if session is None:
            session = self.shape_sessions[blob.shape] = self._load(1)
        return cast(Sequence[NDArray[np.float32]], session.run(None, {self._input: blob}))


def _lacks_memory(error: Exception) -> bool:
    """Whether a run ended for lack of memory: which class that is depends on the library that lacks it."""
    return isinstance(error, MemoryError) or LACKS_MEMORY.search(str(error)) is not None


def available() -> bool:
    """Return whether this ONNX Runtime was built for CUDA; whether there is a GPU shows when a model is loaded."""
    return PROVIDER in onnxruntime.get_available_providers()
