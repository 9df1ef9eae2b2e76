"""The process that chooses a version of a model."""

import sys
from pathlib import Path

import pytest

from core.errors.startup import WeightsError
from core.weights import versions


def test_killed_chooser_tells_of_its_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = tmp_path / "python"
    killed.write_text("#!/bin/sh\nkill -KILL $$\n")
    killed.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(killed))
    with pytest.raises(WeightsError, match=r"can't be prepared: SIGKILL ended that; it takes up to 1.5 GB of memory"):
        versions.run_chooser("centerface")
