"""ONNX Runtime's sessions of one process share the memory that their runs take."""

import os
import subprocess
import sys
from pathlib import Path

from core.config import ROOT

GROWTH = """
import sys
from pathlib import Path
import numpy
from core.system import memory
from core.vision.runtimes.onnx_runtime import OrtNetwork
networks = [OrtNetwork(Path(sys.argv[1]), threads) for threads in (1, 2)]
picture = numpy.zeros((1, 3, 1280, 1280), numpy.float32)
for network in networks:
    before = memory.own_bytes()
    network.run(picture)
    print(memory.own_bytes() - before)
"""


def test_second_session_takes_the_memory_of_the_first(model: tuple[str, Path]) -> None:
    command = [sys.executable, "-c", GROWTH, str(model[1] / f"{model[0]}.onnx")]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True)
    first, second = map(int, done.stdout.split())
    assert second < first / 4
