"""A version of a model, in fp32 or int8, for one of the runtimes, and the process that chooses it."""

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from core.errors.startup import WeightsError
from core.weights import manifest
from core.weights.manifest import ModelEntry

Precision = Literal["fp32", "int8"]
RuntimeName = Literal["onnxruntime", "openvino", "cuda"]
# What makes and compares versions stays in memory for good, and ONNX Runtime must not have run before a fork.
CHOOSER = "core.vision.runtimes.choices"


@dataclass(frozen=True)
class ModelVersion:
    """What a worker process loads. path: of a file that takes canvases of any size."""

    entry: ModelEntry
    path: Path
    precision: Precision
    runtime: RuntimeName = "onnxruntime"

    def to_json(self) -> str:
        """Return what `from_json` reads in another process."""
        facts = {"path": str(self.path), "precision": self.precision, "runtime": self.runtime}
        return json.dumps({"model": self.entry.name} | facts)

    @classmethod
    def from_json(cls, text: str) -> Self:
        facts = json.loads(text)
        return cls(manifest.entry(facts["model"]), Path(facts["path"]), facts["precision"], facts["runtime"])


def run_chooser(*model: str) -> ModelVersion:
    """Choose the version of the model that the settings name, or of another, in a process that ends.

    It is made if necessary; the log goes to stderr. WeightsError when there is no model.
    """
    command = [sys.executable, "-m", CHOOSER, *model]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode < 0:
        ended = signal.Signals(-done.returncode).name
        raise WeightsError(f"the model can't be prepared: {ended} ended that; it takes up to 1.5 GB of memory")
    if done.returncode:
        raise WeightsError("the model can't be loaded; the line above says why")
    return ModelVersion.from_json(done.stdout)
