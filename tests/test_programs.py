"""What each program loads: nothing that it has no use for."""

import subprocess
import sys

import pytest

from core.config import ROOT

PIXELS = {"cv2", "numpy", "PIL", "pillow_heif", "simplejpeg", "onnx", "onnxruntime"}
# By the module that a program runs.
UNUSED = {
    "web.app": PIXELS,
    "worker.beat": PIXELS | {"sqlalchemy", "minio", "flask", "httpx", "celery.bin", "worker.tasks"},
    "worker.maintenance_app": PIXELS | {"flask", "alembic", "celery.bin", "worker.tasks", "core.vision"},
    "worker.app": {"flask", "alembic", "onnx", "onnxruntime.quantization"},
}


@pytest.mark.slow
@pytest.mark.parametrize("module", UNUSED)
def test_program_loads_nothing_unused(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60, capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    assert module in loaded
    assert loaded & UNUSED[module] == set()


@pytest.mark.slow
def test_beat_colours_no_tracebacks() -> None:
    """What would is 4 MB of the 60 that it may take."""
    code = "import celery, runpy, sys; celery.Celery.Beat = lambda *_, **__: sys.exit(str(sys.modules.get('rich')));"
    code += "runpy.run_module('worker.beat', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=ROOT, timeout=60, capture_output=True, text=True
    )
    assert done.stderr.strip() == "None"
