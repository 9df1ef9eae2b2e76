"""What is changed in a graph before and after it is quantised leaves its outputs as they are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from core import config
from core.vision.families import scrfd
from core.vision.runtimes import choices, equalization, models, pixel_groups, pyramids, siblings, stems
from core.vision.runtimes.graphs import Graph
from core.weights.versions import ModelVersion

Arrays = dict[str, Any]
RANDOM = np.random.default_rng(7)
PAD: dict[str, Any] = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}


def numbers(*shape: int) -> NDArray[np.float32]:
    return RANDOM.normal(size=shape).astype(np.float32)


def model(nodes: Sequence[onnx.NodeProto], constants: Arrays, outputs: Sequence[str]) -> bytes:
    """Return a model that takes `blob`, (1, 3, height, width)."""
    blob = helper.make_tensor_value_info("blob", TensorProto.FLOAT, [1, 3, "height", "width"])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    initial = [numpy_helper.from_array(np.asarray(values), name) for name, values in constants.items()]
    graph = helper.make_graph(nodes, "made", [blob], ends, initial)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(made.SerializeToString())


def run(made: bytes, blob: NDArray[Any], level: str = "ORT_ENABLE_ALL") -> list[NDArray[np.float32]]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    session = onnxruntime.InferenceSession(made, options, providers=["CPUExecutionProvider"])
    return list(session.run(None, {session.get_inputs()[0].name: blob}))


def stem(channels: Sequence[int] = (12, 12, 24)) -> bytes:
    """Return the beginning of a small SCRFD: three convolutions, of which the first halves the sides."""
    nodes, constants, value, inputs = [], Arrays(), "blob", 3
    for number, outputs in enumerate(channels):
        constants |= {f"w{number}": numbers(outputs, inputs, 3, 3), f"b{number}": numbers(outputs)}
        strides = [1, 1] if number else [2, 2]
        names = [value, f"w{number}", f"b{number}"]
        nodes.append(helper.make_node("Conv", names, [f"sums{number}"], **PAD, strides=strides))
        nodes.append(helper.make_node("Relu", [f"sums{number}"], [f"relu{number}"]))
        value, inputs = f"relu{number}", outputs
    return model(nodes, constants, [value])


def convolutions(graph: Graph) -> list[Any]:
    return graph.of_type("Conv")


def test_groups_of_pixels_have_the_same_sums() -> None:
    made = stem()
    graph = Graph(made)
    canvas = RANDOM.integers(0, 256, (64, 96, 3), np.uint8)
    assert stems.take_pixels(graph, scrfd)
    (expected,), (found,) = run(made, scrfd.blob(canvas)), run(graph.to_bytes(), canvas[None])
    inside = np.s_[:, :, 3:, 3:]  # beyond the upper and left edge are pixels of 128 instead of 127.5
    assert expected.shape == found.shape
    assert np.abs(found - expected)[inside].max() < 1e-4 * np.abs(expected).max()
    assert np.abs(found - expected).max() < 0.01 * np.abs(expected).max()


def ladder(channels: int) -> bytes:
    """Return convolutions that halve the sides down to a 32nd, each followed by one that keeps them."""
    nodes, constants, value, inputs = [], Arrays(), "blob", 3
    for number in range(10):
        constants |= {f"w{number}": numbers(channels, inputs, 3, 3), f"b{number}": numbers(channels)}
        names = [value, f"w{number}", f"b{number}"]
        nodes.append(helper.make_node("Conv", names, [f"sums{number}"], **PAD, strides=[2 - number % 2] * 2))
        value, inputs = f"sums{number}", channels
    return model(nodes, constants, [value])


def test_convolutions_make_pairs_with_the_same_sums() -> None:
    made, blob = ladder(24), numbers(1, 3, 32, 96)
    graph = Graph(made)
    pixel_groups.group_in_pairs(graph, (1, 3, 32, 32))
    kinds = [(one.attribute[0].ints[1], graph.constant(one.input[1]).shape[0]) for one in convolutions(graph)]
    pairs = [(4, 48) if number % 2 else (3, 24) for number in range(9)]
    assert kinds == [*pairs, (3, 24)]  # of three pixels side by side one would be left over
    (expected,), (found,) = run(made, blob), run(graph.to_bytes(), blob)
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("channels", [8, 16, 20, 32])
def test_convolutions_of_other_widths_stay(channels: int) -> None:
    graph = Graph(ladder(channels))
    pixel_groups.group_in_pairs(graph, (1, 3, 32, 32))
    assert {graph.constant(one.input[1]).shape[0] for one in convolutions(graph)} == {channels}


@pytest.mark.parametrize("channels", [(16, 16, 32), (12, 12), (12, 12, 12)])
def test_other_beginnings_take_blobs(channels: Sequence[int]) -> None:
    assert not stems.take_pixels(Graph(stem(channels)), scrfd)


def test_balanced_channels_have_the_same_sums() -> None:
    made = stem()
    graph, blobs = Graph(made), [numbers(1, 3, 32, 64) for _ in range(2)]
    equalization.balance(graph, convolutions(graph), blobs)
    (expected,), (found,) = run(made, blobs[0]), run(graph.to_bytes(), blobs[0])
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    before, after = (run(Graph(one).beginning(["relu0"]), blobs[0])[0] for one in (made, graph.to_bytes()))
    spread = [largest.max() / np.median(largest) for largest in (one.max(axis=(0, 2, 3)) for one in (before, after))]
    assert spread[1] < spread[0]


def test_convolution_of_averages_has_the_same_sums() -> None:
    nodes = [
        helper.make_node("AveragePool", ["blob"], ["means"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        helper.make_node("Conv", ["means", "w", "b"], ["out"], kernel_shape=[1, 1]),
    ]
    made, blob = model(nodes, {"w": numbers(5, 3, 1, 1), "b": numbers(5)}, ["out"]), numbers(1, 3, 32, 64)
    graph = Graph(made)
    pyramids.fold_pools(graph)
    assert not graph.of_type("AveragePool")
    assert run(graph.to_bytes(), blob)[0] == pytest.approx(run(made, blob)[0], abs=1e-5)


def test_averages_that_others_read_stay() -> None:
    nodes = [
        helper.make_node("AveragePool", ["blob"], ["means"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["means", "w", "b"], ["out"], kernel_shape=[1, 1]),
        helper.make_node("Relu", ["means"], ["other"]),
    ]
    graph = Graph(model(nodes, {"w": numbers(5, 3, 1, 1), "b": numbers(5)}, ["out", "other"]))
    pyramids.fold_pools(graph)
    assert graph.of_type("AveragePool")


def heads() -> bytes:
    """Return three heads in int8 of 2, 8 and 20 channels, of scales and zeros of their own."""
    constants: Arrays = {"s": np.float32(0.03), "z": np.uint8(120)}
    nodes = [
        helper.make_node("QuantizeLinear", ["blob", "s", "z"], ["bytes"]),
        helper.make_node("DequantizeLinear", ["bytes", "s", "z"], ["levels"]),
    ]
    for head, (outputs, zero) in enumerate([(2, 200), (8, 0), (20, 130)]):
        own = 0.001 * (head + 1) * RANDOM.uniform(0.5, 1, outputs).astype(np.float32)
        constants |= {
            f"w{head}": RANDOM.integers(-127, 128, (outputs, 3, 3, 3)).astype(np.int8),
            f"ws{head}": own,
            f"wz{head}": np.zeros(outputs, np.int8),
            f"b{head}": RANDOM.integers(-3000, 3000, outputs).astype(np.int32),
            f"bs{head}": own * np.float32(0.03),
            f"bz{head}": np.zeros(outputs, np.int32),
            f"os{head}": np.float32(0.004 * (head + 1)),
            f"oz{head}": np.uint8(zero),
        }
        for kind in "wb":
            names = [f"{kind}{head}", f"{kind}s{head}", f"{kind}z{head}"]
            nodes.append(helper.make_node("DequantizeLinear", names, [f"{kind}{head}_levels"], axis=0))
        out = [f"os{head}", f"oz{head}"]
        nodes += [
            helper.make_node("Conv", ["levels", f"w{head}_levels", f"b{head}_levels"], [f"sums{head}"], **PAD),
            helper.make_node("QuantizeLinear", [f"sums{head}", *out], [f"bytes{head}"]),
            helper.make_node("DequantizeLinear", [f"bytes{head}", *out], [f"out{head}"]),
        ]
    return model(nodes, constants, [f"out{head}" for head in range(3)])


# ORT_DISABLE_ALL: as fp32 that is rounded; else as the kernels in int8 of which this is about
@pytest.mark.parametrize("level", ["ORT_ENABLE_ALL", "ORT_DISABLE_ALL"])
def test_merged_convolutions_give_the_same_outputs(level: str) -> None:
    made, blob = heads(), numbers(1, 3, 32, 64)
    graph = Graph(made)
    siblings.merge(graph)
    assert [len(convolutions(one)) for one in (Graph(made), graph)] == [3, 1]
    for head, (expected, found) in enumerate(
        zip(run(made, blob, level), run(graph.to_bytes(), blob, level), strict=True)
    ):
        steps = np.abs(found - expected) / (0.004 * (head + 1))
        assert expected.std() > 0 and steps.max() < 1.01  # by one, where a sum lies in the middle of two
        assert (steps > 0.01).mean() < 0.01


def test_int8_version_has_no_sums_in_fp32(scrfd: Path, tmp_path: Path) -> None:
    settings = config.read(model="scrfd_2.5g", weights_dir=scrfd, precision="int8")
    version: ModelVersion = choices.choose(settings)
    assert models.load(version, 1).network.takes_pixels
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3  # such a file fits this machine alone, as it would say
    onnxruntime.InferenceSession(version.path, options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert kinds.count("QLinearConv") == 51
    assert not {"Conv", "QLinearAveragePool", "AveragePool", "QuantizeLinear", "Shape"} & set(kinds)
