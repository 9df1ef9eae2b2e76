"""Where processes count: a place for each that lives, taken over from those that died."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from core.observability import metric_files
from core.observability.metric_files import Place

# Forks twice, one after the other, and counts once in each process; the first child dies without a word.
PROGRAM = """
    import os, signal, sys
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector
    from core.observability import metric_files, metrics

    folder = metric_files.begin()
    metrics.count(metrics.ERRORS, "in_parent")
    for child in range(2):
        if not os.fork():
            metrics.count(metrics.ERRORS, "in_child")
            os.kill(os.getpid(), signal.SIGKILL)
        os.wait()
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))
    print(generate_latest(registry).decode())
    print(sorted(file.name for file in folder.glob("*.db")))
    print("folder", folder, flush=True)
    if sys.argv[1:]:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def run(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), *arguments],
        env=os.environ | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    ).stdout


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of temporary files."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_processes_add_up_in_the_places_of_the_dead(tmp_path: Path) -> None:
    told = run(tmp_path)
    assert 'face_api_errors_total{code="in_parent"} 1.0' in told
    assert 'face_api_errors_total{code="in_child"} 2.0' in told
    assert "['counter_0.db', 'counter_1.db']" in told


def test_folder_is_removed_at_the_end(tmp_path: Path) -> None:
    assert "folder" in run(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folder_of_a_killed_program_is_removed_later(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(temporary, "killed")
    (left,) = temporary.iterdir()
    metric_files.remove_abandoned()
    assert left.exists(), "it may be of a program that is just starting"
    long_after = time.time() + 2 * metric_files.LOCKED_AFTER_S
    monkeypatch.setattr(time, "time", lambda: long_after)
    metric_files.remove_abandoned()
    assert not left.exists()


def test_folder_of_a_living_program_stays(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = temporary / f"{metric_files.PREFIX}living"
    folder.mkdir()
    holder = os.open(folder, os.O_RDONLY)
    assert metric_files._lock(holder)
    long_after = time.time() + 2 * metric_files.LOCKED_AFTER_S
    monkeypatch.setattr(time, "time", lambda: long_after)
    metric_files.remove_abandoned()
    assert folder.exists()
    os.close(holder)


def test_two_that_live_have_two_places(tmp_path: Path) -> None:
    first, second = Place(tmp_path), Place(tmp_path)
    assert (first(), second(), first()) == (0, 1, 0)
