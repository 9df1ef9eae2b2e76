"""ONNX Runtime's sessions of one process share the memory that their runs take, and give back what is unusual."""

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

REST = """
import sys
from pathlib import Path
import numpy
from core.system import memory
from core.vision.runtimes.onnx_runtime import SMALL_RUNS, OrtNetwork
network = OrtNetwork(Path(sys.argv[1]), 1)
before = memory.own_bytes()
for sides in ([960], [2048], [64] * SMALL_RUNS):
    for side in sides:
        network.run(numpy.zeros((1, 3, side, side), numpy.float32))
    print(memory.own_bytes() - before)
"""


def grown(program: str, model: tuple[str, Path]) -> list[int]:
    command = [sys.executable, "-c", program, str(model[1] / f"{model[0]}.onnx")]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True)
    return [*map(int, done.stdout.split())]


def test_second_session_takes_the_memory_of_the_first(model: tuple[str, Path]) -> None:
    first, second = grown(GROWTH, model)
    assert second < first / 4


def test_small_runs_give_back_what_a_large_one_took(model: tuple[str, Path]) -> None:
    usual, large, small = grown(REST, model)
    assert large > usual + 64 * 2**20 and small < usual + 32 * 2**20
