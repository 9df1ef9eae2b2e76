"""The command line of a worker: processes on the CPU, threads on a GPU."""

from importlib import metadata
from pathlib import Path

import pytest

from admin import worker
from core import config
from core.weights import manifest, versions
from core.weights.versions import ModelVersion, RuntimeName


@pytest.fixture(autouse=True)
def _four_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.system.cpus.available", lambda: 4)


def options(runtime: str = "auto", processes: int = 0) -> set[str]:
    settings = config.read(runtime=runtime, worker_processes=processes)
    return {option for option in worker.worker_command(settings) if option.startswith(("--pool", "--concurrency"))}


def install_gpu_package(monkeypatch: pytest.MonkeyPatch, chosen: RuntimeName) -> None:
    """Let the GPU's package seem to be there, and the self-test choose a runtime."""
    version = ModelVersion(manifest.entry("centerface"), Path("model.onnx"), "fp32", chosen)
    monkeypatch.setattr(metadata, "version", lambda name: {"onnxruntime-gpu": "1"}[name])
    monkeypatch.setattr(versions, "run_chooser", lambda *_: version)


def test_cpu_runs_one_process_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    assert options() == {"--pool=prefork", "--concurrency=4"}
    install_gpu_package(monkeypatch, "onnxruntime")
    assert options() == {"--pool=prefork", "--concurrency=4"}


def test_gpu_runs_two_threads_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    install_gpu_package(monkeypatch, "cuda")
    assert options() == options("cuda") == {"--pool=threads", "--concurrency=8"}
    assert options(processes=3) == {"--pool=threads", "--concurrency=3"}


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_setting_keeps_the_gpu_out(monkeypatch: pytest.MonkeyPatch, runtime: str) -> None:
    install_gpu_package(monkeypatch, "cuda")
    assert options(runtime) == {"--pool=prefork", "--concurrency=4"}
