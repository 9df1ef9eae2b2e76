"""Files that are made of a model's checked file, on this machine, once: beside it, with a record of their origin."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from core.weights import downloads, manifest


@dataclass(frozen=True)
class Origin:
    """What a file was made of, and how. source_sha256: of the model's file; onnxruntime: the version that made it."""

    source_sha256: str
    recipe: str
    onnxruntime: str


def ensure(target: Path, origin: Origin, make: Callable[[], bytes]) -> Path:
    """Return `target`; made when it is missing, damaged or of another origin. OSError when it can't be written.

    A power cut leaves none or all of it: each file gets its name when its bytes are on the disk, the record last.
    """
    if not is_made_of(target, origin):
        with downloads.folder_lock(target.parent):
            if not is_made_of(target, origin):  # the process that held the lock may have made it
                data = make()
                _record(target).unlink(missing_ok=True)
                _write(target, data)
                facts = asdict(origin) | {"bytes": len(data), "sha256": manifest.digest(data)}
                _write(_record(target), json.dumps(facts, indent=1).encode())
    return target


def is_made_of(target: Path, origin: Origin) -> bool:
    """Whether `target` is there, whole, and of this origin."""
    try:
        facts = json.loads(_record(target).read_text())
        size, sha256 = facts.pop("bytes"), facts.pop("sha256")
    except (OSError, ValueError, KeyError, AttributeError):
        return False
    return bool(facts == asdict(origin)) and not manifest.file_problem(target, size, sha256)


def _record(target: Path) -> Path:
    return target.with_suffix(".json")


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
