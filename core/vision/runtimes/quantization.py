"""Make other versions of a model: of any input size, of any batch, and with int8 arithmetic for a third of the work.

Each machine makes its own from the licensed file, so none has to be distributed. Post-training static quantisation
(onnxruntime.ai/docs/performance/model-optimizations/quantization.html): weights per channel, activations by the least
and greatest value that they take on the built-in photographs.

Imports the `onnx` package, 60 MB of a process: only what makes or checks versions imports this module.
"""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper, version_converter
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from core.vision.passes import ModelFamily
from core.vision.runtimes import pixel_groups, pyramids, samples, siblings, stems
from core.vision.runtimes.graphs import Graph
from core.vision.runtimes.networks import CELL, Blob

OPSET = 13  # the first with a scale for each channel
STEM = 2  # convolutions that stay in fp32


def dynamic(model: Path) -> bytes:
    """Return a model whose batch, height and width, fixed in the file, may be any."""
    loaded: Any = onnx.load(str(model))
    for value in (*loaded.graph.input, *loaded.graph.output):
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if axis != 1:  # the channels stay
                dim.dim_param = f"{value.name}_{axis}"
    # Shapes that were inferred for the nominal size would contradict the dynamic ones.
    del loaded.graph.value_info[:]
    return bytes(loaded.SerializeToString())


def batched(model: Path, family: ModelFamily) -> bytes:
    """Return a model that takes canvases, (n, height, width, 3) BGR of 8 bits, and gives outputs with a batch axis.

    Of 8 bits, a picture takes a quarter of the time on its way to a GPU.

    SCRFD's files join batch, rows and columns to one axis of anchors: (b, k, h, w) becomes (h, w, b, k), then
    (h * w * b * k / n, n). Here it becomes (b, h, w, k), then (b, h * w * k / n, n).
    """
    loaded: Any = onnx.load_from_string(dynamic(model))
    constants = {constant.name: constant for constant in loaded.graph.initializer}
    reshapes = {node.input[0]: node for node in loaded.graph.node if node.op_type == "Reshape"}
    for node in loaded.graph.node:
        perm = next((one for one in node.attribute if one.name == "perm"), None)
        if node.op_type == "Transpose" and perm is not None and list(perm.ints) == [2, 3, 0, 1]:
            perm.ints[:] = [0, 2, 3, 1]
            shape = constants[reshapes[node.output[0]].input[1]]
            values = numpy_helper.to_array(shape).tolist()
            if len(values) == 2:  # several outputs share it
                shape.CopyFrom(numpy_helper.from_array(np.array([0, *values], np.int64), shape.name))
    for value in loaded.graph.output:
        if len(value.type.tensor_type.shape.dim) == 2:
            value.type.tensor_type.ClearField("shape")
    _take_pixels(loaded.graph, family)
    return bytes(loaded.SerializeToString())


def _take_pixels(graph: Any, family: ModelFamily) -> None:
    """Put what a family's `blob` does to a canvas before the graph's first node."""
    steps = [
        _constant("rgb", np.array([2, 1, 0])),
        _constant("mean", np.float32(family.MEAN)),
        _constant("scale", np.float32(family.SCALE)),
        helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Gather", ["planes", "rgb"], ["rgb_planes"], axis=1),
        helper.make_node("Cast", ["rgb_planes"], ["values"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Sub", ["values", "mean"], ["centred"]),
        helper.make_node("Mul", ["centred", "scale"], [graph.input[0].name]),
    ]
    nodes = [*steps, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    pixels = helper.make_tensor_value_info("pixels", onnx.TensorProto.UINT8, ["n", "height", "width", 3])
    graph.input[0].CopyFrom(pixels)


def _constant(name: str, value: Any) -> Any:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(value), name))


def int8(model: Path, family: ModelFamily, *, reduce_range: bool) -> bytes:
    """Return a model in int8, which takes canvases if its first layers allow that.

    reduce_range: weights of 7 bits, for CPUs on which sums of 8-bit products saturate.
    """
    with _without_warnings(), tempfile.TemporaryDirectory(prefix="face-api-int8-") as folder:
        raised, prepared, made = (Path(folder) / name for name in ("raised.onnx", "prepared.onnx", "made.onnx"))
        onnx.save(version_converter.convert_version(onnx.load(str(model)), OPSET), raised)
        quant_pre_process(raised, prepared, skip_symbolic_shape=True)
        graph = Graph(prepared)
        pyramids.fold_pools(graph)
        pyramids.enlarge_by_two(graph)
        takes_pixels = stems.take_pixels(graph, family)
        if takes_pixels:
            pixel_groups.group_in_pairs(graph, (1, CELL, CELL, 3))
        graph.save(prepared)
        quantize_static(
            prepared,
            made,
            _Calibration(graph.onnx.input[0].name, family, takes_pixels),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=reduce_range,
            nodes_to_exclude=stems.added_nodes(graph) if takes_pixels else _stem(prepared),
            extra_options={"TensorQuantOverrides": stems.scales(family)} if takes_pixels else {},
        )
        graph = Graph(made)
        if takes_pixels:
            stems.take_bytes(graph)
        siblings.merge(graph)
        return graph.to_bytes()


def _stem(model: Path) -> list[str]:
    """Return the first convolutions by name, if they have one: of few channels, they are slower in int8."""
    convolutions = [node.name for node in onnx.load(str(model)).graph.node if node.op_type == "Conv"]
    return [name for name in convolutions[:STEM] if name]


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Silence what the tools say of each initialiser of a sound file."""
    onnxruntime.set_default_logger_severity(3)
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        onnxruntime.set_default_logger_severity(2)


class _Calibration(CalibrationDataReader):  # type: ignore[misc]  # its package has no types
    """Feeds the built-in photographs to the network."""

    def __init__(self, name: str, family: ModelFamily, takes_pixels: bool) -> None:
        canvases = samples.calibration()
        blobs = (canvas[None] for canvas in canvases) if takes_pixels else map(family.blob, canvases)
        self._blobs: Iterator[Blob] = iter(blobs)
        self._name = name

    def get_next(self) -> Any:
        blob = next(self._blobs, None)
        return None if blob is None else {self._name: blob}
