"""ONNX graphs, as far as making a lighter version of a model reads and changes them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Node = Any  # the package has no types that mypy could check


class Graph:
    """A model's graph. Constants are added and never changed, for nodes may share one."""

    def __init__(self, model: Path | bytes) -> None:
        self._model: Any = onnx.load_from_string(model if isinstance(model, bytes) else model.read_bytes())
        self.onnx: Any = self._model.graph

    def save(self, path: Path) -> None:
        path.write_bytes(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the model: its nodes in an order in which they can run, and nothing that no output depends on."""
        self._prune()
        self._sort()
        # Inferred shapes would contradict what has changed.
        del self.onnx.value_info[:]
        return bytes(self._model.SerializeToString())

    def beginning(self, values: Sequence[str]) -> bytes:
        """Return a model of all that these values in fp32 depend on; they are its outputs."""
        part = Graph(bytes(self._model.SerializeToString()))
        del part.onnx.output[:]
        part.onnx.output.extend(helper.make_tensor_value_info(one, TensorProto.FLOAT, None) for one in values)
        return part.to_bytes()

    def shapes(self, blob: Sequence[int]) -> dict[str, tuple[int, ...]]:
        """Return the shapes of those values that depend on nothing but the shape of the blob."""
        part: Any = onnx.load_from_string(self.to_bytes())
        for dim, length in zip(part.graph.input[0].type.tensor_type.shape.dim, blob, strict=True):
            dim.dim_value = length
        inferred = onnx.shape_inference.infer_shapes(part, data_prop=True).graph.value_info
        dims = {value.name: value.type.tensor_type.shape.dim for value in inferred}
        return {name: tuple(dim.dim_value for dim in shape) for name, shape in dims.items()}

    def of_type(self, op_type: str) -> list[Node]:
        return [node for node in self.onnx.node if node.op_type == op_type]

    def maker(self, value: str) -> Node | None:
        """Return the node that makes a value, if one does."""
        return next((node for node in self.onnx.node if value in node.output), None)

    def users(self, value: str) -> list[Node]:
        return [node for node in self.onnx.node if value in node.input]

    def constant(self, name: str) -> NDArray[Any]:
        return numpy_helper.to_array(next(one for one in self.onnx.initializer if one.name == name))

    def add_constant(self, name: str, values: Any) -> str:
        self.onnx.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, op_type: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> str:
        """Add a node, named after its first output; return that."""
        self.onnx.node.append(helper.make_node(op_type, inputs, outputs, outputs[0], **attributes))
        return outputs[0]

    def remove(self, *nodes: Node) -> None:
        for node in nodes:
            self.onnx.node.remove(node)

    def _prune(self) -> None:
        while True:
            used = {value for node in self.onnx.node for value in node.input} | {out.name for out in self.onnx.output}
            idle = [node for node in self.onnx.node if used.isdisjoint(node.output)]
            if not idle:
                break
            self.remove(*idle)
        idle = [one for one in self.onnx.initializer if one.name not in used]
        names = {one.name for one in idle}
        for value in [one for one in self.onnx.input if one.name in names]:  # an older file names constants there, too
            self.onnx.input.remove(value)
        for constant in idle:
            self.onnx.initializer.remove(constant)

    def _sort(self) -> None:
        known = {"", *(one.name for one in (*self.onnx.initializer, *self.onnx.input))}
        waiting, ordered = list(self.onnx.node), []
        while waiting:
            ready = [node for node in waiting if known.issuperset(node.input)]
            if not ready:
                raise ValueError("nodes of the graph wait for each other")
            known.update(value for node in ready for value in node.output)
            waiting = [node for node in waiting if not known.issuperset(node.output)]
            ordered += ready
        del self.onnx.node[:]
        self.onnx.node.extend(ordered)


def attributes(node: Node) -> dict[str, Any]:
    return {one.name: helper.get_attribute_value(one) for one in node.attribute}


def change_attributes(node: Node, **changes: Any) -> None:
    kept = [one for one in node.attribute if one.name not in changes]
    made = [helper.make_attribute(name, value) for name, value in changes.items()]
    del node.attribute[:]
    node.attribute.extend([*kept, *made])
