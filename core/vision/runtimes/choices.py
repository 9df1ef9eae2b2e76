"""Choose in which version, and in which runtime, the configured model runs.

In int8, or in another runtime than ONNX Runtime, where a self-test shows that it is right, and faster.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from importlib import util
from pathlib import Path

import onnxruntime

from core import config
from core.config import Settings
from core.errors.startup import WeightsError
from core.observability import logs
from core.vision.runtimes import cuda_runtime, derived_files, models, quantization, self_tests
from core.vision.runtimes.derived_files import Origin
from core.vision.runtimes.models import FAMILIES
from core.weights import locations
from core.weights.manifest import ModelEntry
from core.weights.versions import ModelVersion, RuntimeName

log = logs.get(__name__)
RECIPE = 5  # counted up with each change of quantization.py, what it calls, or samples.py that makes other files
# chosen: OpenVINO takes more memory and leaves idle CPUs alone, and a gain within the noise would change at each start
WORTHWHILE = 0.9
# Where 8-bit products saturate (x86 without VNNI), weights of 7 bits may be right.
INT8_RECIPES = {"int8": False, "int8-7bit": True}


def choose(settings: Settings) -> ModelVersion:
    """Return the version that a worker loads, made if necessary; a WeightsError says what is missing."""
    return best(*locations.installed(settings), settings)


def best(entry: ModelEntry, path: Path, settings: Settings) -> ModelVersion:
    """Return the best version of a model's checked file that FACE_API_PRECISION and FACE_API_RUNTIME allow."""
    original = _original(entry, path, settings)
    if settings.runtime == "cuda" or (settings.runtime == "auto" and cuda_runtime.available()):
        try:
            return _cuda(original, path, settings)
        except Exception as error:  # noqa: BLE001 - whatever is missing or broken, the CPU is right
            _warn_of_runtime(entry, "cuda", error)
    version = _on_cpu(original, path, settings)
    if settings.runtime == "openvino" or (settings.runtime == "auto" and util.find_spec("openvino")):
        try:
            return _openvino(original, version, settings)
        except Exception as error:  # noqa: BLE001 - whatever is missing or broken, ONNX Runtime is right
            _warn_of_runtime(entry, "openvino", error)
    return version


def _warn_of_runtime(entry: ModelEntry, runtime: RuntimeName, error: Exception) -> None:
    log.warning("runtime_not_used", model=entry.name, runtime=runtime, reason=str(error) or type(error).__name__)


def _cuda(original: ModelVersion, source: Path, settings: Settings) -> ModelVersion:
    """Return the version for a GPU, always in fp32; an exception says why there is none."""

    def make() -> bytes:
        return quantization.batched(original.path, FAMILIES[original.entry.family])

    path = _derived(original.entry, source, "batched", settings, make)
    version = ModelVersion(original.entry, path, "fp32", "cuda")
    problem = self_tests.difference(models.load(original, threads=1), models.load(version, threads=1))
    if problem:
        raise SelfTestFailed(problem)
    return version


def _openvino(original: ModelVersion, version: ModelVersion, settings: Settings) -> ModelVersion:
    """Return the version for OpenVINO: of the same file; an exception says why it is not used."""
    faster = replace(version, runtime="openvino")
    candidate = models.load(faster, threads=1)
    problem = self_tests.difference(models.load(original, threads=1), candidate)
    if not problem and settings.runtime == "auto":
        plain = models.load(version, threads=1)
        problem = self_tests.slowness(plain, candidate, self_tests.TIMED_SHAPES, WORTHWHILE)
    if problem:
        raise SelfTestFailed(problem)
    return faster


def _on_cpu(original: ModelVersion, path: Path, settings: Settings) -> ModelVersion:
    """Return the best version for ONNX Runtime on the CPU."""
    entry = original.entry
    if settings.precision == "fp32" or (settings.precision == "auto" and not entry.int8):
        return original
    try:
        return _int8(original, path, settings)
    except Exception as error:  # noqa: BLE001 - whatever a library raises that makes or runs it, fp32 is right
        log.warning("int8_not_used", model=entry.name, reason=str(error) or type(error).__name__)
    return original


class SelfTestFailed(Exception):
    """A version of a model is not as good as the original; the message says in which way."""


def _original(entry: ModelEntry, path: Path, settings: Settings) -> ModelVersion:
    """Return the model in fp32, able to take canvases of any size."""
    if entry.family == "centerface":
        try:
            path = _derived(entry, path, "dynamic", settings, lambda: quantization.dynamic(path))
        except OSError as error:
            raise WeightsError(f"{entry.name} can't be prepared: {error}") from error
    return ModelVersion(entry, path, "fp32")


def _int8(original: ModelVersion, source: Path, settings: Settings) -> ModelVersion:
    """Return the first int8 version that is right; an exception says why there is none."""
    reference, problem = models.load(original, threads=1), ""
    for recipe, reduce_range in INT8_RECIPES.items():

        def make(reduce_range: bool = reduce_range) -> bytes:
            return quantization.int8(original.path, FAMILIES[original.entry.family], reduce_range=reduce_range)

        path = _derived(original.entry, source, recipe, settings, make)
        version = ModelVersion(original.entry, path, "int8")
        candidate = models.load(version, threads=1)
        problem = self_tests.difference(reference, candidate)
        if not problem:
            slow = self_tests.slowness(reference, candidate) if settings.precision == "auto" else ""
            if slow:
                raise SelfTestFailed(slow)
            return version
    raise SelfTestFailed(problem)


def _derived(entry: ModelEntry, source: Path, recipe: str, settings: Settings, make: Callable[[], bytes]) -> Path:
    """Return a file that is made of a model's, beside it, or with the embedded defaults where that can't be written."""
    target = source.with_name(file_name(source.stem, recipe))
    origin = Origin(entry.sha256, f"{recipe}/{RECIPE}", onnxruntime.__version__)
    # `weights pull` may have made it, in a folder that a worker only reads.
    if not _writable(target.parent) and not derived_files.is_made_of(target, origin):
        target = _own_folder(settings.var_dir) / target.name
    return derived_files.ensure(target, origin, make)


def _writable(folder: Path) -> bool:
    """Whether files may be written there. Root may write anywhere, but somebody may have taken the write bits off."""
    return os.access(folder, os.W_OK) and bool(folder.stat().st_mode & 0o222)


def file_name(model: str, recipe: str) -> str:
    """Name what is made of a model: two installations that share a folder would make each other's file again."""
    return f"{model}.{recipe}.ort{onnxruntime.__version__}.onnx"


def _own_folder(var_dir: Path) -> Path:
    """Return a folder among the embedded defaults' files, or a temporary one where nothing may be written."""
    folder = var_dir.resolve() / "weights"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="face-api-weights-"))
    return folder


def _main() -> None:
    """Print the version that the settings choose, as `ModelVersion.from_json` reads it; log lines go to stderr."""
    settings = config.read(**dict(zip(["model"], sys.argv[1:], strict=False)))
    logs.configure(settings.log_level)
    try:
        with redirect_stdout(sys.stderr):  # libraries of a runtime may print
            version = choose(settings)
    except WeightsError as error:
        sys.exit(str(error))
    sys.stdout.write(version.to_json())


if __name__ == "__main__":
    _main()
