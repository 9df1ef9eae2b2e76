"""ONNX Runtime sessions: made once per process, after the fork that they would not survive."""

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from core.system import cpus
from core.vision.runtimes.networks import CELL, Blob, IdleCpus, no_idle_cpus

# From 1.29 on ONNX Runtime writes an id of the machine to the home folder at import, and reports to its makers.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime  # it looks for the variable at import

MAX_FACTOR = 4  # chosen: more threads on one picture gain little
# Of the memory that all sessions share: what a picture of a megapixel takes is kept. What larger ones take beyond that
# is given back once so many small runs have followed each other: the tiles of a thorough search would have it mapped
# and cleared again and again, for a sixth of their time.
# measured with mixed pictures: a process rests at 244 MB instead of the 312 of one that gives nothing back
ARENA = {
    "arena_extend_strategy": 0,  # doubling
    "initial_chunk_size_bytes": 64 * 2**20,
    # After it has given memory back: by its own 2 MiB it would come in many pieces, which waste a fifth.
    "initial_growth_chunk_size_bytes": 128 * 2**20,
}
SMALL_PIXELS, SMALL_RUNS = 640 * 640, 16  # chosen: the main pass of a search; more than one search has


class OrtNetwork:
    """A model that ONNX Runtime runs on the CPU."""

    runtime = "onnxruntime"
    cell = CELL
    any_shape = True
    providers: ClassVar[list[str | tuple[str, dict[str, Any]]]] = ["CPUExecutionProvider"]
    gives_back: ClassVar[bool] = True

    def __init__(self, model: Path | bytes, threads: int, idle_cpus: IdleCpus = no_idle_cpus) -> None:
        """Load a model file, or its bytes. threads: of a run, beside those CPUs that are idle when it begins."""
        self._source = model if isinstance(model, bytes) else str(model)
        self._threads, self._idle_cpus = threads, idle_cpus
        # Read once: it takes longer than all else that is done here for a run.
        self._most = min(MAX_FACTOR, cpus.available() // threads) * threads
        self._sessions: dict[int, onnxruntime.InferenceSession] = {}
        self._small_runs = 0  # since the last one that was not
        self._giving_back = onnxruntime.RunOptions()
        self._giving_back.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        session = self._session(threads)
        self._input = session.get_inputs()[0].name
        self.takes_pixels = session.get_inputs()[0].type == "tensor(uint8)"
        self.outputs = len(session.get_outputs())

    def run(self, blob: Blob) -> Sequence[NDArray[np.float32]]:
        """Return the outputs for a blob."""
        more = self._most - self._threads
        # Two sessions at most: each keeps its own copy of the weights.
        session = self._session(self._most if more > 0 and self._idle_cpus(self._threads) >= more else self._threads)
        small = blob.size // 3 <= SMALL_PIXELS
        self._small_runs = self._small_runs + 1 if small else 0
        options = self._giving_back if self.gives_back and self._small_runs == SMALL_RUNS else None
        return cast(Sequence[NDArray[np.float32]], session.run(None, {self._input: blob}, options))

    def _session(self, threads: int) -> onnxruntime.InferenceSession:
        """Return the session of so many threads; a session's own number can't be changed."""
        if threads not in self._sessions:
            self._sessions[threads] = self._load(threads)
        return self._sessions[threads]

    def _load(self, threads: int) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # A thread that spins while it waits takes the CPU that another process of the worker could use.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # A plan would be kept for every input shape, and pictures come in many; without plans the arena's memory serves
        # all shapes. measured with mixed pictures: 208 MB instead of 306, and no more CPU; without the arena 246
        options.enable_mem_pattern = False
        options.enable_cpu_mem_arena = True
        _make_arena()
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.log_severity_level = 3  # the 500m file declares fixed output shapes and would warn at every call
        return onnxruntime.InferenceSession(self._source, options, providers=self.providers)


@cache
def _make_arena() -> None:
    """Make the memory that the sessions of this process share, once."""
    cpu = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(cpu, onnxruntime.OrtArenaCfg(ARENA))
