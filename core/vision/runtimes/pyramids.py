"""What the levels of a feature pyramid pass on to each other, in fewer steps: the same sums, but for their rounding.

Canvases consist of whole cells of the coarsest stride, so each level has exactly twice the sides of the next.
"""

from collections.abc import Mapping

import numpy as np

from core.vision.runtimes.graphs import Graph, Node, attributes, change_attributes

DEFAULTS: dict[str, object] = {"strides": [1, 1], "pads": [0, 0, 0, 0], "group": 1}
HALVING = {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [0, 0, 0, 0]}
POINTWISE = {"kernel_shape": [1, 1], "strides": [1, 1], "pads": [0, 0, 0, 0], "group": 1}


def fold_pools(graph: Graph) -> None:
    """Let a convolution over averages of 2 x 2 values take the values themselves.

    measured: an average pool takes six times as long in int8 as the convolution that replaces it
    """
    for pool in graph.of_type("AveragePool"):
        users = graph.users(pool.output[0])
        if len(users) == 1 and _has(pool, HALVING) and users[0].op_type == "Conv" and _has(users[0], POINTWISE):
            convolution = users[0]
            weights = np.tile(graph.constant(convolution.input[1]) / 4, (1, 1, 2, 2)).astype(np.float32)
            convolution.input[0] = pool.input[0]
            convolution.input[1] = graph.add_constant(f"{convolution.input[1]}_of_four", weights)
            change_attributes(convolution, kernel_shape=[2, 2], strides=[2, 2])
            graph.remove(pool)


def enlarge_by_two(graph: Graph) -> None:
    """Enlarge a level by two, instead of to the sides of another one, which are read of its values in fp32."""
    for number, resize in enumerate(graph.of_type("Resize")):
        if len(resize.input) == 4 and graph.maker(resize.input[3]) is not None:
            factors = graph.add_constant(f"twice_{number}", np.array([1, 1, 2, 2], np.float32))
            resize.input[:] = [resize.input[0], "", factors]


def _has(node: Node, expected: Mapping[str, object]) -> bool:
    found = DEFAULTS | attributes(node)
    return all(found[name] == value for name, value in expected.items())
