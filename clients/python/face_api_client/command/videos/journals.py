"""What a run that was interrupted knows of its video: a small file beside the result that is to be."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

SUFFIX = ".face-api.json"


@dataclass(frozen=True)
class SourceFile:
    """Which file was sent: by its name, size and time, so that another one is noticed."""

    name: str
    size: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> Self:
        found = path.stat()
        return cls(path.name, found.st_size, found.st_mtime_ns)


@dataclass(frozen=True)
class VideoJournal:
    """What was asked of which service, and the id of the video there."""

    url: str
    source: SourceFile
    options: dict[str, Any]
    video: str

    def write(self, out: Path) -> None:
        """Write it beside the result, whole or not at all."""
        path = place(out)
        part = path.with_name(path.name + ".part")
        part.write_text(json.dumps(asdict(self)))
        part.replace(path)


def place(out: Path) -> Path:
    return out.with_name(out.name + SUFFIX)


def read(out: Path) -> VideoJournal | None:
    """Return what an earlier run has left; None without one, and of one that can't be read."""
    try:
        found = json.loads(place(out).read_text())
        return VideoJournal(found["url"], SourceFile(**found["source"]), found["options"], found["video"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove(out: Path) -> None:
    place(out).unlink(missing_ok=True)
