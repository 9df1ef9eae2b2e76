"""Where each model of the manifest is available, in the weights folder or a mirror, and which one to use.

Every worker process imports this module; downloading is in `downloads`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from core.config import Settings
from core.errors.startup import WeightsError
from core.weights import manifest
from core.weights.manifest import FILE_MISSING, MANIFEST, ModelEntry, without_password

# chosen: a start with FACE_API_MODEL=auto waits this long for a mirror that is down
PROBE_TIMEOUT_S = 5.0


class Availability(StrEnum):
    """Where a model is available."""

    HERE = "here"
    MIRROR = "in the mirror"
    MISSING = "missing"


@dataclass(frozen=True)
class LocatedModel:
    """Where a model is. notes: what is wrong with a place that should have it, one sentence each."""

    entry: ModelEntry
    availability: Availability
    notes: tuple[str, ...] = ()


class MirrorDown(Exception):
    """The mirror doesn't respond, so that requesting another file from it is in vain."""


def checked_file(name: str, settings: Settings, path: Path = MANIFEST) -> Path:
    """Return a model's file, its size and sha256 checked; a WeightsError names the command that fetches it."""
    entry = manifest.entry(name, path)
    file = settings.weights_dir / entry.file
    problem = manifest.file_problem(file, entry.bytes, entry.sha256)
    if problem:
        raise WeightsError(f"model {name} can't be used: {file} {problem}; fetch it with: {entry.pull_command}")
    return file


def choose(settings: Settings, path: Path = MANIFEST) -> tuple[ModelEntry, str]:
    """Return the model to use and why; the file may still have to be fetched (`downloads.ensure`)."""
    if settings.model != "auto":
        return manifest.entry(settings.model, path), "FACE_API_MODEL names it"
    model, reason = next(candidates(settings, path))
    return model.entry, reason


def installed(settings: Settings, path: Path = MANIFEST) -> tuple[ModelEntry, Path]:
    """Return the model that a worker loads and its checked file; no network request is made.

    For `auto` that is the first of the manifest that is in the folder: the one that `downloads.ensure` fetched.
    """
    if settings.model != "auto":
        return manifest.entry(settings.model, path), checked_file(settings.model, settings, path)
    for model in survey(settings.model_copy(update={"weights_mirror": ""}), path):
        if model.availability is Availability.HERE:
            return model.entry, settings.weights_dir / model.entry.file
    raise _no_model(settings, path)


def candidates(settings: Settings, path: Path = MANIFEST) -> Iterator[tuple[LocatedModel, str]]:
    """Yield what FACE_API_MODEL=auto may use, each with the reason, the preferred first.

    Last comes the first model with a licence for everybody, from its official source: no other is ever fetched
    from there without being named, because its licence forbids what the operator may be doing.
    """
    entries = manifest.entries(path)
    notes: list[str] = []
    for model in survey(settings, path):
        notes += model.notes
        if model.availability is not Availability.MISSING:
            here = model.availability is Availability.HERE
            where = settings.weights_dir if here else without_password(settings.weights_mirror)
            why = f"it is the most accurate that is {model.availability} ({where})"
            yield model, _reason(model.entry, entries[0], why, notes)
    free = next((entry for entry in entries if entry.commercial), None)
    if free is None:
        raise _no_model(settings, path)
    why = f"no other is in {settings.weights_dir} or a mirror, and its licence ({free.licence}) is for everybody"
    yield LocatedModel(free, Availability.MISSING), _reason(free, entries[0], why, notes)


def survey(settings: Settings, path: Path = MANIFEST) -> Iterator[LocatedModel]:
    """Yield where each model of the manifest is; lazy, so that a mirror gets requests only for models that are read."""
    mirror = settings.weights_mirror
    for entry in manifest.entries(path):
        try:
            model = _locate(entry, settings.weights_dir, mirror)
        except MirrorDown as error:
            mirror = ""
            model = _locate(entry, settings.weights_dir, mirror)
            model = replace(model, notes=(*model.notes, str(error)))
        yield model


def in_mirror(entry: ModelEntry, mirror: str) -> str:
    """Return the URL, or the path, of a model's file in a mirror."""
    return f"{mirror.rstrip('/')}/{entry.file}" if is_url(mirror) else str(Path(mirror).expanduser() / entry.file)


def is_url(mirror: str) -> bool:
    return mirror.startswith(("http://", "https://"))


def _locate(entry: ModelEntry, folder: Path, mirror: str) -> LocatedModel:
    """Find one model in the folder, else in the mirror ('': there is none)."""
    file = folder / entry.file
    problem = manifest.file_problem(file, entry.bytes, entry.sha256)
    if not problem:
        return LocatedModel(entry, Availability.HERE)
    notes = [] if problem == FILE_MISSING else [f"{file} {problem}"]
    if not mirror:
        return LocatedModel(entry, Availability.MISSING, tuple(notes))
    problem = _mirror_problem(entry, mirror)
    if problem not in ("", FILE_MISSING):
        notes.append(f"{without_password(in_mirror(entry, mirror))} {problem}")
    return LocatedModel(entry, Availability.MISSING if problem else Availability.MIRROR, tuple(notes))


def _mirror_problem(entry: ModelEntry, mirror: str) -> str:
    """Return what is wrong with a mirror's file. On a server only the size is checked: `pull` checks the digest."""
    where = in_mirror(entry, mirror)
    if not is_url(mirror):
        return manifest.file_problem(Path(where), entry.bytes, entry.sha256)
    # Takes longer to import than all the rest, and only this request needs it.
    import httpx

    try:
        # A GET for one byte: not every mirror supports HEAD.
        headers = {"Range": "bytes=0-0", "Accept-Encoding": "identity"}
        with httpx.stream("GET", where, headers=headers, follow_redirects=True, timeout=PROBE_TIMEOUT_S) as response:
            if response.is_error:
                return FILE_MISSING if response.status_code in (404, 410) else f"answers {response.status_code}"
            size = response.headers.get("Content-Range", response.headers.get("Content-Length", "")).rpartition("/")[2]
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        detail = without_password(str(error))
        raise MirrorDown(f"the mirror {without_password(mirror)} can't be reached ({detail})") from error
    return "" if size in ("", "*", str(entry.bytes)) else f"has {size} bytes instead of {entry.bytes}"


def _reason(chosen: ModelEntry, best: ModelEntry, why: str, notes: list[str]) -> str:
    sentences = [why]
    if chosen != best:
        sentences.append(f"{best.name} is more accurate ({best.licence}): {best.pull_command}")
    return "; ".join(sentences + notes)


def _no_model(settings: Settings, path: Path) -> WeightsError:
    names = ", ".join(entry.name for entry in manifest.entries(path))
    return WeightsError(f"no model is in {settings.weights_dir}; fetch one of {names} with: face-api weights pull NAME")
