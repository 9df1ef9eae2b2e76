"""Other programs for the same tasks, each in an environment of its own: build/peers/NAME, installed once."""

import subprocess
import venv
from collections.abc import Sequence
from dataclasses import dataclass

from core.config import ROOT


@dataclass(frozen=True)
class Peer:
    """Another program for the same task. module: what runs it, of tests/bench/programs; path: what the service does."""

    name: str
    version: str
    also: Sequence[str]
    module: str
    path: str

    def python(self) -> str:
        """Make its environment, where there is none of this version yet, and return its Python."""
        folder = ROOT / "build" / "peers" / f"{self.name}-{self.version}"
        python, stamp = folder / "bin" / "python", folder / ".installed"
        if not stamp.exists():
            print(f"installing {self.name} {self.version} into {folder}", flush=True)
            venv.create(folder, with_pip=True, clear=True)
            wanted = [f"{self.name}=={self.version}", *self.also]
            pip = [str(python), "-m", "pip", "--disable-pip-version-check", "-q", "install"]
            subprocess.run([*pip, *wanted], check=True)
            stamp.touch()
        return str(python)


INSIGHTFACE = Peer("insightface", "2.1", ["onnxruntime"], "tests.bench.programs.insightface_detect", "detect")
DEFACE = Peer("deface", "1.5.0", ["onnx", "onnxruntime"], "tests.bench.programs.deface_mask", "mask")
