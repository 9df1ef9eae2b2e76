"""A model's first convolutions in int8, and from bytes: of groups of pixels, as their channels are few.

ONNX Runtime's kernels work on 16 outputs at once, and on 4 inputs; with the 3 and 12 of a small SCRFD another way takes
two to three times as long.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from core.vision.passes import ModelFamily
from core.vision.runtimes import equalization, pixel_groups, samples
from core.vision.runtimes.graphs import Graph, Node, attributes

STEM = 3  # convolutions; the last of them has channels enough for what follows
ENOUGH = 16  # channels, see above
# Pixels that each makes at once, and that lie in a group of its input. measured: pairs took a quarter longer
GROUPS = ((4, 4), (4, 1), (2, 1))
LEVELS = "pixels_levels"  # the input of the first convolution in fp32
BYTES = "pixels_quads"  # the same as bytes
Weights = NDArray[np.float32]


def take_pixels(graph: Graph, family: ModelFamily) -> bool:
    """Let a model in fp32 take canvases, (n, height, width, 3) BGR of 8 bits; False if it doesn't begin so."""
    convolutions = _stem(graph)
    if not convolutions:
        return False
    equalization.balance(graph, convolutions, map(family.blob, samples.calibration()))
    _add_input(graph, family, convolutions[0])
    for convolution, (outputs, inputs) in zip(convolutions, GROUPS, strict=True):
        pixel_groups.group(graph, convolution, outputs, inputs)
    return True


def take_bytes(graph: Graph) -> None:
    """Let the first convolution, now in int8, take the bytes: they are what its input would be rounded to."""
    rounding = next(node for node in graph.users(LEVELS) if node.op_type == "QuantizeLinear")
    for user in graph.users(rounding.output[0]):
        user.input[0] = BYTES
    graph.remove(rounding)


def scales(family: ModelFamily) -> dict[str, list[dict[str, Any]]]:
    """Return the scale and the zero that make levels of bytes, as the quantisation tool takes them."""
    scale, zero = np.array(family.SCALE, np.float32), np.array(_zero(family), np.uint8)
    return {LEVELS: [{"scale": scale, "zero_point": zero}]}


def added_nodes(graph: Graph) -> list[str]:
    """Name the nodes that stay as they are."""
    return [node.name for node in graph.onnx.node if node.name.startswith("pixels_")]


def _stem(graph: Graph) -> list[Node]:
    """Return the first convolutions if they are of few channels, 3 x 3 each, and the first halves the sides."""
    found = graph.of_type("Conv")[:STEM]
    value = graph.onnx.input[0].name
    for convolution, stride in zip(found, (2, 1, 1), strict=False):
        expected = {"kernel_shape": [3, 3], "strides": [stride, stride], "pads": [1, 1, 1, 1]}
        made = attributes(convolution)
        if any(made.get(name) != values for name, values in expected.items()) or made.get("group", 1) != 1:
            return []
        users = graph.users(convolution.output[0])
        if convolution.input[0] != value or [user.op_type for user in users] != ["Relu"]:
            return []
        value = users[0].output[0]
    few = len(found) == STEM and len(graph.constant(found[0].input[1])) < ENOUGH
    return found if few and len(graph.constant(found[-1].input[1])) >= ENOUGH else []


def _zero(family: ModelFamily) -> int:
    return round(family.MEAN)


def _add_input(graph: Graph, family: ModelFamily, first: Node) -> None:
    """Make the levels of four pixels that lie side by side, (value - zero) * SCALE; the bias has what MEAN is beside.

    At a canvas's edge, where nothing is, that is half a level.
    """
    weights, beside = graph.constant(first.input[1]), (_zero(family) - family.MEAN) * family.SCALE
    bias = graph.constant(first.input[2]) + weights.sum(axis=(1, 2, 3)) * np.float32(beside)
    first.input[1] = graph.add_constant(f"{first.input[1]}_of_bgr", weights[:, ::-1])
    first.input[2] = graph.add_constant(f"{first.input[2]}_of_zero", bias.astype(np.float32))
    graph.add_constant("pixels_shape", np.array([0, 0, -1, 12]))
    graph.add_constant("pixels_zero", np.float32(_zero(family)))
    graph.add_constant("pixels_scale", np.float32(family.SCALE))
    graph.add("Reshape", ["pixels", "pixels_shape"], ["pixels_rows"])
    graph.add("Transpose", ["pixels_rows"], [BYTES], perm=[0, 3, 1, 2])
    graph.add("Cast", [BYTES], ["pixels_values"], to=TensorProto.FLOAT)
    graph.add("Sub", ["pixels_values", "pixels_zero"], ["pixels_centred"])
    first.input[0] = graph.add("Mul", ["pixels_centred", "pixels_scale"], [LEVELS])
    canvases = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", "height", "width", 3])
    graph.onnx.input[0].CopyFrom(canvases)
