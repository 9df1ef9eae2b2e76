"""Which runtime runs the network: another than ONNX Runtime where a self-test shows that it is right."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument
from structlog.testing import capture_logs

from core import config
from core.config import Settings
from core.contract.options import ResolvedDetectOptions
from core.vision import detector
from core.vision.runtimes import choices, cuda_runtime, models, samples, self_tests
from core.vision.runtimes.cuda_runtime import CudaSession
from core.vision.runtimes.networks import Blob
from core.vision.runtimes.openvino_runtime import OpenVinoNetwork
from core.weights.versions import ModelVersion

CPU = "CPUExecutionProvider"
RUN = OpenVinoNetwork.run
LOAD, CUDA_RUN = CudaSession._load, CudaSession.run


@pytest.fixture
def settings(model: tuple[str, Path]) -> Settings:
    return config.read(model=model[0], weights_dir=model[1], worker_processes=1, runtime="auto")


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the code for a GPU run on the CPU."""
    monkeypatch.setattr(cuda_runtime, "PROVIDER", CPU)
    monkeypatch.setattr(CudaSession, "providers", [CPU])


def chosen(settings: Settings, **changes: str) -> tuple[ModelVersion, list[tuple[str, str]]]:
    """Return the version that is chosen, and which runtimes a warning says are not used, with the reason."""
    with capture_logs() as lines:
        version = choices.choose(settings.model_copy(update=changes))
    assert all(line["log_level"] == "warning" for line in lines)
    return version, [(line["runtime"], line["reason"]) for line in lines if line["event"] == "runtime_not_used"]


@pytest.mark.parametrize("precision", ["auto", "fp32"])
def test_openvino_runs_the_same_file(settings: Settings, precision: str) -> None:
    version, problems = chosen(settings, runtime="openvino", precision=precision)
    plain, _ = chosen(settings, runtime="onnxruntime", precision=precision)
    assert (version.runtime, plain.runtime, problems) == ("openvino", "onnxruntime", [])
    assert (version.path, version.precision) == (plain.path, plain.precision)


@pytest.mark.parametrize("runtime", ["openvino", "cuda"])
@pytest.mark.usefixtures("gpu")
def test_runtime_finds_the_same_faces(settings: Settings, runtime: str) -> None:
    version, problems = chosen(settings, runtime=runtime)
    found = detector.load(ModelVersion.from_json(version.to_json()), settings)
    expected = detector.load(chosen(settings, runtime="onnxruntime", precision="fp32")[0], settings)
    assert (found.runtime, problems) == (runtime, [])
    for pixels in (samples.group(), *samples.portraits()):
        options = ResolvedDetectOptions(detail="fast")  # which looks everywhere in each runtime
        ours, theirs = (one.find(pixels, options).faces for one in (found, expected))
        assert len(ours) == len(theirs) > 0
        assert [face.confidence for face in ours] == pytest.approx([face.confidence for face in theirs], abs=0.05)


def test_outputs_stay_when_the_next_picture_runs(settings: Settings) -> None:
    network = models.load(chosen(settings, runtime="openvino", precision="fp32")[0], 1).network
    outputs = network.run(np.zeros((1, 3, 64, 64), np.float32))
    before = [output.copy() for output in outputs]
    network.run(np.ones((1, 3, 64, 64), np.float32))
    assert all(np.array_equal(*pair) for pair in zip(outputs, before, strict=True))


def test_openvino_is_chosen_where_it_is_faster(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = {"openvino": ""}
    monkeypatch.setattr(self_tests, "slowness", lambda *_: slow["openvino"])
    assert chosen(settings)[0].runtime == "openvino"
    slow["openvino"] = "it takes 1.40 times as long"
    assert chosen(settings, runtime="openvino", precision="fp32")[0].runtime == "openvino"
    version, problems = chosen(settings, precision="fp32")
    assert (version.runtime, problems) == ("onnxruntime", [("openvino", slow["openvino"])])


def test_onnx_runtime_runs_alone_when_it_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "_openvino", lambda *_: pytest.fail("tried"))
    assert chosen(settings, runtime="onnxruntime")[0].runtime == "onnxruntime"


def half(network: OpenVinoNetwork, blob: Blob) -> Sequence[NDArray[np.float32]]:
    return [output * np.float32(0.5) for output in RUN(network, blob)]


def nothing(network: OpenVinoNetwork, blob: Blob) -> Sequence[NDArray[np.float32]]:
    return [np.zeros_like(output) for output in RUN(network, blob)]


def failing(network: OpenVinoNetwork, blob: Blob) -> Sequence[NDArray[np.float32]]:
    raise RuntimeError("an instruction is missing")


@pytest.mark.parametrize("run", [half, nothing, failing])
@pytest.mark.parametrize("runtime", ["auto", "openvino"])
def test_wrong_runtime_is_not_used(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, runtime: str, run: object
) -> None:
    monkeypatch.setattr(OpenVinoNetwork, "run", run)
    monkeypatch.setattr(self_tests, "slowness", lambda *_: "")
    version, ((name, reason),) = chosen(settings, runtime=runtime)
    assert (version.runtime, name) == ("onnxruntime", "openvino") and reason


def test_runtime_that_is_not_installed_is_not_used(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "core.vision.runtimes.openvino_runtime")
    monkeypatch.setitem(sys.modules, "openvino", None)
    version, ((name, reason),) = chosen(settings, runtime="openvino")
    assert (version.runtime, name) == ("onnxruntime", "openvino") and "openvino" in reason
    version, problems = chosen(settings)
    assert (version.runtime, problems) == ("onnxruntime", [])


def test_gpu_that_is_not_there_is_not_used(settings: Settings) -> None:
    if cuda_runtime.available():
        pytest.skip("this machine's ONNX Runtime is built for CUDA")
    version, ((name, reason),) = chosen(settings, runtime="cuda")
    assert (version.runtime, name) == ("onnxruntime", "cuda") and "gpu" in reason


@pytest.mark.usefixtures("gpu")
def test_gpu_runs_a_batched_original(settings: Settings) -> None:
    version, problems = chosen(settings)
    assert (version.runtime, version.precision, problems) == ("cuda", "fp32", [])
    assert version.path.name == choices.file_name(settings.model, "batched")


@pytest.mark.usefixtures("gpu")
def test_gpu_has_a_session_for_each_of_the_last_shapes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_runtime, "MAX_SHAPES", 2)
    network = CudaSession(chosen(settings)[0].path)
    sessions = []

    def load(network: CudaSession, threads: int) -> onnxruntime.InferenceSession:
        sessions.append(LOAD(network, threads))
        return sessions[-1]

    monkeypatch.setattr(CudaSession, "_load", load)
    made = []
    for count, side in [(1, 128), (1, 256), (1, 128), (8, 128), (1, 128), (1, 256)]:
        network.run(np.zeros((count, side, side, 3), np.uint8))
        made.append(len(sessions))
    assert made == [1, 2, 2, 3, 3, 4]


OOM = "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running Conv node."
LACKS = [
    MemoryError(),
    RuntimeError(f"{OOM} Failed to allocate memory for requested buffer of size 268435456"),
    RuntimeError("CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc((void**)&p, size)"),
    RuntimeError("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0"),
    RuntimeError("CUDNN failure 4003: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0"),
    RuntimeError("CUBLAS failure 1: CUBLAS_STATUS_NOT_INITIALIZED ; GPU=0 ; expr=cublasCreate(&cublas_handle_)"),
    RuntimeError("std::bad_alloc"),
]


@pytest.mark.parametrize("lack", LACKS, ids=str)
@pytest.mark.usefixtures("gpu")
def test_gpu_without_memory_for_another_shape_begins_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, lack: Exception
) -> None:
    network = CudaSession(chosen(settings)[0].path)
    room = 1

    def load(network: CudaSession, threads: int) -> onnxruntime.InferenceSession:
        if len(network.shape_sessions) >= room:
            raise lack
        return LOAD(network, threads)

    monkeypatch.setattr(CudaSession, "_load", load)
    for side in (128, 256):
        assert network.run(np.zeros((1, side, side, 3), np.uint8))
    room = 0
    with pytest.raises(type(lack)):
        network.run(np.zeros((1, 384, 384, 3), np.uint8))


@pytest.mark.usefixtures("gpu")
def test_gpu_keeps_its_sessions_when_a_run_fails(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    network = CudaSession(chosen(settings)[0].path)
    blobs = [np.zeros((1, side, side, 3), np.uint8) for side in (128, 256)]
    for blob in blobs:
        network.run(blob)
    warm = dict(network.shape_sessions)
    with pytest.raises(InvalidArgument):
        network.run(np.zeros((1, 128, 128, 4), np.uint8))  # as many channels as no picture has

    def load(_network: CudaSession, _threads: int) -> onnxruntime.InferenceSession:
        raise RuntimeError("CUDA failure 700: an illegal memory access was encountered ; GPU=0")

    monkeypatch.setattr(CudaSession, "_load", load)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        network.run(np.zeros((1, 384, 384, 3), np.uint8))
    assert {shape: network.shape_sessions[shape] for shape in warm} == warm
    assert all(network.run(blob) for blob in blobs)


@pytest.mark.usefixtures("gpu")
def test_pictures_of_like_shapes_are_one_shape_to_a_gpu(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    found = detector.load(chosen(settings)[0], settings)
    shapes = set()

    def run(network: CudaSession, blob: Blob) -> Sequence[NDArray[np.float32]]:
        shapes.add(blob.shape)
        return CUDA_RUN(network, blob)

    monkeypatch.setattr(CudaSession, "run", run)
    for height in (400, 410, 427, 440, 500):
        found.find(np.zeros((height, 640, 3), np.uint8), ResolvedDetectOptions(detail="fast"))
    assert shapes == {(1, 512, 640, 3), (1, 256, 256, 3), (1, 128, 256, 3)}


def half_of(network: CudaSession, blob: Blob) -> Sequence[NDArray[np.float32]]:
    return [output * np.float32(0.5) for output in super(CudaSession, network).run(blob)]


@pytest.mark.usefixtures("gpu")
def test_gpu_that_finds_other_faces_is_not_used(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CudaSession, "run", half_of)
    version, ((name, reason),) = chosen(settings, runtime="cuda")
    assert (version.runtime, name) == ("onnxruntime", "cuda") and reason


WATCH = """
import sys
net = []
sys.addaudithook(lambda event, args: net.append(event) if event.startswith("socket.") else None)
import numpy
from pathlib import Path
from core.vision.runtimes.openvino_runtime import OpenVinoNetwork
OpenVinoNetwork(Path(sys.argv[1]), 1).run(numpy.zeros((1, 3, 64, 64), numpy.float32))
assert not net, net
assert not [name for name in sys.modules if "telemetry" in name]
"""


def test_openvino_reports_to_nobody(settings: Settings, tmp_path: Path) -> None:
    """Nothing is written at home, and no socket is opened."""
    environment = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(config.ROOT)}
    path = chosen(settings, runtime="onnxruntime", precision="fp32")[0].path
    subprocess.run([sys.executable, "-c", WATCH, str(path)], env=environment, cwd=tmp_path, check=True)
    assert not list(tmp_path.rglob("*"))


GROWTH = """
import sys
import numpy, psutil
from pathlib import Path
from core.vision.runtimes.openvino_runtime import OpenVinoNetwork
network = OpenVinoNetwork(Path(sys.argv[1]), 1)
def blob(height, width):
    if network.takes_pixels:
        return numpy.zeros((1, height, width, 3), numpy.uint8)
    return numpy.zeros((1, 3, height, width), numpy.float32)
def after(shapes):
    for height, width in shapes:
        network.run(blob(32 * height, 32 * width))
    return psutil.Process().memory_full_info().uss
shapes = [(height, width) for height in range(1, 13) for width in range(1, 13)]
after([(12, 12)])
some = after(shapes[::3])
print((after(shapes) - some) / some)
"""


def test_memory_of_openvino_is_flat_over_many_shapes(settings: Settings) -> None:
    path = chosen(settings, runtime="onnxruntime")[0].path
    command = [sys.executable, "-c", GROWTH, str(path)]
    done = subprocess.run(command, cwd=config.ROOT, env=os.environ, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 0.5  # without a bound it is 1.5


@pytest.mark.parametrize(("worthwhile", "told"), [(0.0, True), (1e9, False)])
def test_gain_has_to_be_worthwhile(settings: Settings, worthwhile: float, told: bool) -> None:
    runner = models.load(chosen(settings, runtime="onnxruntime")[0], 1)
    assert bool(self_tests.slowness(runner, runner, worthwhile=worthwhile)) is told
