"""A model's first convolutions over pairs of pixels, and from bytes: an int8 kernel needs channels enough to be busy.

ONNX Runtime's works on 16 outputs at once, and on 4 inputs, for each of the channels 16 or more; with the 3 and 12 of
a small SCRFD another way takes two to three times as long. Two pixels that lie side by side are one of twice as many
channels, where values lie as (height, width, channels): there is nothing to be moved.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from core.vision.passes import ModelFamily
from core.vision.runtimes import equalization, samples
from core.vision.runtimes.graphs import Graph, Node, attributes, change_attributes

STEM = 3  # convolutions; the last of them has channels enough for what follows
ENOUGH = 16  # channels, see above
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
    for convolution in convolutions:
        name, stride = convolution.input[1], attributes(convolution)["strides"][0]
        weights, bias = graph.constant(name), graph.constant(convolution.input[2])
        convolution.input[1] = graph.add_constant(f"{name}_of_pairs", paired(weights, stride))
        convolution.input[2] = graph.add_constant(f"{convolution.input[2]}_of_pairs", np.tile(bias, 2))
    change_attributes(convolutions[0], kernel_shape=[3, 2], strides=[2, 1], pads=[1, 1, 1, 0])
    last = graph.users(convolutions[-1].output[0])[0]
    pixels, last.output[0] = last.output[0], f"{last.output[0]}_of_pairs"
    _add_reshaped(graph, last.output[0], pixels, len(bias))
    return True


def paired(weights: Weights, stride: int) -> Weights:
    """Make weights (out, in, 3, 3) those of two outputs that lie side by side: (2 out, 2 stride in, 3, 2 or 3).

    The inputs of a pair are as many as it steps over: two pixels, or four. Of the group before, the last one counts.
    """
    outputs, inputs = weights.shape[:2]
    inside = 2 * stride
    made = np.zeros((2, outputs, inside, inputs, 3, 4 - stride), np.float32)
    for second in range(2):
        for column in range(3):
            group, place = divmod(second * stride + column - 1 + inside, inside)
            made[second, :, place, :, :, group] = weights[:, :, :, column]
    return made.reshape(2 * outputs, inside * inputs, 3, 4 - stride)


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


def _add_reshaped(graph: Graph, pairs: str, pixels: str, channels: int) -> None:
    """Make pixels of pairs; the transpositions are those of the kernels, and none is left."""
    shape = graph.add_constant(f"{pixels}_shape", np.array([0, 0, -1, channels]))
    rows = graph.add("Transpose", [pairs], [f"{pixels}_pairs_last"], perm=[0, 2, 3, 1])
    single = graph.add("Reshape", [rows, shape], [f"{pixels}_pixels_last"])
    graph.add("Transpose", [single], [pixels], perm=[0, 3, 1, 2])
