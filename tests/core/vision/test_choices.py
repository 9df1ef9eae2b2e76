"""Which version of a model runs: int8 where a self-test shows that it is right, else fp32, and the log says why."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from structlog.testing import capture_logs

from core import config
from core.config import Settings
from core.vision.runtimes import choices, models, quantization, self_tests
from core.vision.runtimes.models import FAMILIES
from core.weights.versions import ModelVersion

Change = Callable[[onnx.ModelProto], None]


@pytest.fixture(scope="module")
def int8(model: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a model, made int8 once."""
    name, source = model
    folder = tmp_path_factory.mktemp("int8")
    (folder / f"{name}.onnx").symlink_to(source / f"{name}.onnx")
    assert choices.choose(config.read(model=name, weights_dir=folder)).precision == "int8"
    return folder


@pytest.fixture
def settings(model: tuple[str, Path], int8: Path, tmp_path: Path) -> Settings:
    """Return the settings of a folder of the test's own, in which the int8 version is made already."""
    for file in int8.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return config.read(model=model[0], weights_dir=tmp_path)


@pytest.fixture
def made(model: tuple[str, Path], int8: Path, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Have a version made in no time, of the bytes that were made once; what is returned tells when one is.

    measured: 4 s of CPU less each time.
    """
    data, calls = (int8 / choices.file_name(model[0], "int8")).read_bytes(), list[bool]()

    def make(*_: object, reduce_range: bool) -> bytes:
        calls.append(reduce_range)
        return data

    monkeypatch.setattr(quantization, "int8", make)
    return calls


def test_faster_version_runs_by_default(settings: Settings) -> None:
    version = choices.choose(settings)
    assert version.precision == "int8"
    assert version.path == settings.weights_dir / choices.file_name(settings.model, "int8")


def test_setting_forces_the_original(settings: Settings) -> None:
    assert choices.choose(settings.model_copy(update={"precision": "fp32"})).precision == "fp32"


def test_version_is_made_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantization, "int8", lambda *_, **__: pytest.fail("made again"))
    assert choices.choose(settings).precision == "int8"


@pytest.mark.parametrize("fact", ["source_sha256", "recipe", "onnxruntime", "sha256"])
def test_version_of_another_origin_is_made_again(settings: Settings, made: list[bool], fact: str) -> None:
    record = (settings.weights_dir / choices.file_name(settings.model, "int8")).with_suffix(".json")
    facts = json.loads(record.read_text())
    record.write_text(json.dumps(facts | {fact: "of another"}))
    assert choices.choose(settings).precision == "int8"
    assert json.loads(record.read_text()) == facts
    assert made == [False]


def test_versions_of_two_installations_lie_side_by_side(settings: Settings, made: list[bool]) -> None:
    ours = choices.choose(settings).path
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("onnxruntime.__version__", "1.0.0")
        theirs = choices.choose(settings).path
    assert choices.choose(settings).path == ours != theirs
    assert made == [False], "theirs, once"


def test_damaged_version_is_made_again(settings: Settings) -> None:
    file = settings.weights_dir / choices.file_name(settings.model, "int8")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert choices.choose(settings).precision == "int8"
    assert file.read_bytes() == whole


def test_folder_without_write_bits_is_left_alone(settings: Settings, tmp_path: Path, made: list[bool]) -> None:
    for file in tmp_path.glob(f"{settings.model}.*"):
        if file.name != f"{settings.model}.onnx":
            file.unlink()
    names = sorted(tmp_path.iterdir())
    var = tmp_path.parent / (tmp_path.name + "-var")
    tmp_path.chmod(0o555)
    try:
        version = choices.choose(settings.model_copy(update={"var_dir": var}))
    finally:
        tmp_path.chmod(0o755)
    assert version.precision == "int8" and version.path.parent == var / "weights"
    assert made == [False]
    assert sorted(tmp_path.iterdir()) == names


def test_made_version_is_used_where_nothing_can_be_written(settings: Settings, tmp_path: Path) -> None:
    made = choices.choose(settings).path
    tmp_path.chmod(0o555)
    try:
        version = choices.choose(settings.model_copy(update={"var_dir": tmp_path.parent / "nowhere"}))
    finally:
        tmp_path.chmod(0o755)
    assert version.path == made
    assert not (tmp_path.parent / "nowhere").exists()


# --- wrong files ---------------------------------------------------------------------------------------------------


def wrong_scales(model: onnx.ModelProto) -> None:
    """Multiply every scale by a random factor."""
    random = np.random.default_rng(0)
    for tensor in model.graph.initializer:
        if tensor.name.endswith("_scale"):
            scale = numpy_helper.to_array(tensor)
            factor = random.uniform(0.5, 2, scale.shape).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array((scale * factor).astype(np.float32), tensor.name))


def swapped_outputs(model: onnx.ModelProto) -> None:
    """Exchange the first two outputs."""
    first, second = model.graph.output[0].name, model.graph.output[1].name
    names = {first: second, second: first}
    for node in model.graph.node:
        node.output[:] = [names.get(name, name) for name in node.output]


def saturating_weights(model: onnx.ModelProto) -> None:
    """Clip the weights, as sums of 8-bit products are clipped on a CPU without VNNI."""
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.INT8:
            clipped = np.clip(numpy_helper.to_array(tensor), -48, 48).astype(np.int8)
            tensor.CopyFrom(numpy_helper.from_array(clipped, tensor.name))


def silent(model: onnx.ModelProto) -> None:
    """Zero all weights: nothing is found."""
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.INT8:
            zeros = np.zeros_like(numpy_helper.to_array(tensor))
            tensor.CopyFrom(numpy_helper.from_array(zeros, tensor.name))


@pytest.mark.parametrize("change", [wrong_scales, swapped_outputs, saturating_weights, silent])
@pytest.mark.parametrize("precision", ["auto", "int8"])
def test_wrong_version_is_not_used(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, change: Change, precision: str
) -> None:
    model = onnx.load(settings.weights_dir / choices.file_name(settings.model, "int8"))
    change(model)
    monkeypatch.setattr(quantization, "int8", lambda *_, **__: model.SerializeToString())
    monkeypatch.setattr(choices, "RECIPE", "wrong")
    with capture_logs() as lines:
        version = choices.choose(settings.model_copy(update={"precision": precision}))
    assert version.precision == "fp32"
    (line,) = [one for one in lines if one["event"] == "int8_not_used"]
    assert line["log_level"] == "warning" and line["reason"]


def test_weights_of_seven_bits_are_tried_next(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    model = onnx.load(settings.weights_dir / choices.file_name(settings.model, "int8"))
    right = model.SerializeToString()
    saturating_weights(model)
    made = {False: model.SerializeToString(), True: right}
    monkeypatch.setattr(quantization, "int8", lambda *_, reduce_range: made[reduce_range])
    monkeypatch.setattr(choices, "RECIPE", "saturating")
    assert choices.choose(settings).path.name == choices.file_name(settings.model, "int8-7bit")


def test_slower_version_runs_only_when_forced(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_tests, "slowness", lambda *_: "it takes 1.40 times as long")
    with capture_logs() as lines:
        assert choices.choose(settings).precision == "fp32"
    assert [line["reason"] for line in lines] == ["it takes 1.40 times as long"]
    assert choices.choose(settings.model_copy(update={"precision": "int8"})).precision == "int8"


def test_version_that_cannot_be_made_is_not_used(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(quantization, "int8", failing)
    monkeypatch.setattr(choices, "RECIPE", "failing")
    with capture_logs() as lines:
        assert choices.choose(settings).precision == "fp32"
    assert [line["reason"] for line in lines] == ["MemoryError"]


def test_seven_bit_version_agrees_with_the_original(model: tuple[str, Path], settings: Settings) -> None:
    original = choices.choose(settings.model_copy(update={"precision": "fp32"}))
    path = settings.weights_dir / "seven.onnx"
    path.write_bytes(quantization.int8(original.path, FAMILIES[original.entry.family], reduce_range=True))
    seven = ModelVersion(original.entry, path, "int8")
    assert self_tests.difference(models.load(original, 1), models.load(seven, 1)) == ""


# --- power cuts ----------------------------------------------------------------------------------------------------

MAKE = """
import sys
from core import config
from core.vision.runtimes import choices
print("start", flush=True)
choices.choose(config.read(model=sys.argv[1], weights_dir=sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 2, 4])
def test_killed_maker_leaves_none_or_a_whole_version(
    settings: Settings, tmp_path: Path, made: list[bool], after: int
) -> None:
    """Kill a process at the `after`th change of the folder, then start again."""
    for file in tmp_path.glob("*.int8.*"):
        file.unlink()
    command = [sys.executable, "-c", MAKE, settings.model, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=config.ROOT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        seen, changes = set(tmp_path.iterdir()), 0
        while changes <= after and process.poll() is None:
            now = set(tmp_path.iterdir())
            changes += now != seen
            seen = now
        process.send_signal(signal.SIGKILL)
    file = tmp_path / choices.file_name(settings.model, "int8")
    record = file.with_suffix(".json")
    whole = record.exists()
    if whole:
        assert json.loads(record.read_text())["bytes"] == file.stat().st_size
    assert choices.choose(settings).precision == "int8"
    assert made == ([] if whole else [False])
    assert not list(tmp_path.glob("*.part"))
