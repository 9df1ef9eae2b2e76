"""A model whose file fixes its sizes runs on canvases of any size."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from core.vision.runtimes import quantization
from core.vision.runtimes.onnx_runtime import OrtNetwork


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a model that doubles a blob of 1 x 3 x 32 x 32, with an inferred shape of that size inside."""
    sizes = [1, 3, 32, 32]
    nodes = [helper.make_node("Add", ["blob", "blob"], ["sum"]), helper.make_node("Identity", ["sum"], ["twice"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes) for name in ("blob", "twice", "sum")]
    graph = helper.make_graph(nodes, "doubled", ends[:1], ends[1:2], value_info=ends[2:])
    path = tmp_path / "doubled.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 96)])
def test_symbolic_model_takes_any_size(model: Path, height: int, width: int) -> None:
    network = OrtNetwork(quantization.dynamic(model), threads=1)
    blob = np.ones((1, 3, height, width), np.float32)
    (twice,) = network.run(blob)
    assert network.outputs == 1 and np.array_equal(twice, 2 * blob)


@pytest.mark.parametrize(
    ("threads", "idle", "used"), [(1, 0, 1), (1, 2, 1), (1, 3, 4), (1, 7, 4), (2, 5, 2), (2, 6, 8), (8, 0, 8)]
)
def test_idle_cpus_help_a_run(model: Path, monkeypatch: pytest.MonkeyPatch, threads: int, idle: int, used: int) -> None:
    monkeypatch.setattr("core.system.cpus.available", lambda: 8)
    network = OrtNetwork(quantization.dynamic(model), threads, lambda _: idle)
    network.run(np.ones((1, 3, 32, 32), np.float32))
    assert list(network._sessions) == list(dict.fromkeys((threads, used)))


def test_sizes_of_the_file_hold_otherwise(model: Path) -> None:
    network = OrtNetwork(model, threads=1)
    with pytest.raises(Exception, match="INVALID_ARGUMENT"):
        network.run(np.ones((1, 3, 64, 96), np.float32))
