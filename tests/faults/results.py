"""What a run found, as files that docs/reliability.md is written from."""

import json
import os
import time
from pathlib import Path
from typing import Any

from core.config import ROOT
from core.system import cpus
from tests.bench import performance_report

FOLDER = ROOT / "build" / "reliability"


def write(name: str, *, full: bool, **found: Any) -> None:
    """Keep what was found, with the day, the machine and its load; a short form never stands for a full one."""
    path = file(name, full=full)
    path.parent.mkdir(parents=True, exist_ok=True)
    where = {
        "day": time.strftime("%Y-%m-%d"),
        "machine": f"{cpus.available()} cores of {performance_report.cpu()}",
        "load": round(os.getloadavg()[1], 1),
    }
    path.write_text(json.dumps({**where, **found}, indent=1) + "\n")


def read(name: str) -> dict[str, Any] | None:
    """Return what the last full run found, or None where there was none."""
    path = file(name, full=True)
    found: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
    return found


def file(name: str, *, full: bool) -> Path:
    """Return where something is kept."""
    return FOLDER / ("full" if full else "short") / f"{name}.json"
