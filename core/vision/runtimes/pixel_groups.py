"""Convolutions that make pixels that lie side by side at once: an int8 kernel needs channels enough to be busy.

ONNX Runtime's works on 16 outputs at once, best on 48 or 64, and looks up each place of its window for each of its
outputs. Pixels that lie side by side are one of as many times the channels, where values lie as (height, width,
channels): there is nothing to be moved.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.vision.runtimes.graphs import Graph, Node, attributes, change_attributes

WIDTH = 16  # outputs that a kernel works on at once
Weights = NDArray[np.float32]


def grouped(weights: Weights, stride: int, outputs: int, inputs: int = 1) -> Weights:
    """Make weights (out, in, 3, 3), padded by one, those of so many outputs side by side, over groups of `inputs`.

    They become (outputs * out, inputs * in, 3, n), the first of the n groups the one before the outputs' own.
    """
    made, taken = weights.shape[:2]
    width = ((outputs - 1) * stride + 1) // inputs + 2
    groups = np.zeros((outputs, made, inputs, taken, 3, width), np.float32)
    for output in range(outputs):
        for column in range(3):
            group, place = divmod(output * stride + column - 1, inputs)
            groups[output, :, place, :, :, group + 1] = weights[:, :, :, column]
    return groups.reshape(outputs * made, inputs * taken, 3, width)


def group(graph: Graph, convolution: Node, outputs: int, inputs: int = 1) -> None:
    """Let a convolution of 3 x 3, padded by one, make so many outputs side by side, of groups of `inputs` pixels.

    What follows reads single pixels as before.
    """
    stride = attributes(convolution).get("strides", [1])[0]
    sums, weights = convolution.output[0], graph.constant(convolution.input[1])
    made = grouped(weights, stride, outputs, inputs)
    bias = np.tile(graph.constant(convolution.input[2]), outputs)
    convolution.input[1] = graph.add_constant(f"{sums}_weights_of_groups", made)  # other convolutions may share theirs
    convolution.input[2] = graph.add_constant(f"{sums}_bias_of_groups", bias)
    step, width = outputs * stride // inputs, made.shape[3]
    change_attributes(convolution, kernel_shape=[3, width], strides=[stride, step], pads=[1, 1, 1, width - 1 - step])
    users = graph.users(sums)
    last = users[0] if [user.op_type for user in users] == ["Relu"] else convolution
    pixels, last.output[0] = last.output[0], f"{last.output[0]}_of_groups"
    _add_reshaped(graph, last.output[0], pixels, len(weights))


def group_in_pairs(graph: Graph, cell: Sequence[int]) -> None:
    """Let convolutions make two pixels at once where their outputs fill a kernel's last 16 by half.

    cell: the shape of the least blob; where it has one pixel or three side by side, one would be left over.
    measured: scrfd_2.5g, 24 outputs in 0.93 of the time
    """
    shapes = graph.shapes(cell)
    for convolution in graph.of_type("Conv"):
        made = {"group": 1, "strides": [1, 1]} | attributes(convolution)
        expected = {"kernel_shape": [3, 3], "strides": [1, 1], "pads": [1, 1, 1, 1], "group": 1}
        fits = all(made.get(name) == values for name, values in expected.items())
        _, channels, _, width = shapes.get(convolution.output[0], (0, 0, 0, 1))
        half_idle = channels > WIDTH and channels % WIDTH == WIDTH // 2
        if fits and half_idle and len(convolution.input) == 3 and width and width % 2 == 0:
            group(graph, convolution, 2)


def _add_reshaped(graph: Graph, groups: str, pixels: str, channels: int) -> None:
    """Make pixels of groups; the transpositions are those of the kernels, and none is left."""
    shape = graph.add_constant(f"{pixels}_shape", np.array([0, 0, -1, channels]))
    rows = graph.add("Transpose", [groups], [f"{pixels}_groups_last"], perm=[0, 2, 3, 1])
    single = graph.add("Reshape", [rows, shape], [f"{pixels}_pixels_last"])
    graph.add("Transpose", [single], [pixels], perm=[0, 3, 1, 2])
