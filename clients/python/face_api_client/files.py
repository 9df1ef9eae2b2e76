"""Files on their way: opened for each attempt anew, read once, written whole or not at all."""

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self, TypeVar, cast

MEDIA_TYPE = "application/octet-stream"  # the service looks at the content
MEMORY_NAME = "image"  # of bytes, which have none
BLOCK_BYTES = 1024 * 1024
STEP_BYTES = 64 * 1024
REQUEST_BYTES = 8 * 2**20  # chosen: a third of what the service accepts by default
REQUEST_FILES = 50
PIECE_BYTES = 16 * 2**20  # chosen: what is sent again when a connection breaks; the service takes no less than 5 MiB

Source = str | os.PathLike[str] | bytes
Told = Callable[[int], None]


@dataclass(frozen=True)
class Upload:
    """A picture to upload. source: a path, or its bytes. name: in the batch, with `/` between the parts."""

    name: str
    source: Source

    @property
    def size(self) -> int:
        return size_of(self.source)

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> Self:
        return cls(Path(path).name, path)


class Sized(Protocol):
    @property
    def size(self) -> int: ...


File = TypeVar("File", bound=Sized)


class HashingReader:
    """A file that is read once, and its sha256 after that."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._sha256 = file, hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._sha256.hexdigest()

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self._sha256.update(block)
        return block

    def fileno(self) -> int:
        """Let httpx read the file's length."""
        return self._file.fileno()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Let httpx find the length of what is in memory."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


class PartFile:
    """A file beside its target while it is written: renamed to it when it is complete, removed when it isn't."""

    def __init__(self, target: Path) -> None:
        self._target, self._part = target, target.with_name(target.name + ".part")
        self._sha256 = hashlib.sha256()

    def __enter__(self) -> Self:
        self._file = self._part.open("wb")
        return self

    def write(self, block: bytes) -> None:
        self._file.write(block)
        self._sha256.update(block)

    @property
    def digest(self) -> str:
        return self._sha256.hexdigest()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._file:
                if error is None:
                    self._file.flush()
                    os.fsync(self._file.fileno())
            if error is None:
                self._part.replace(self._target)
        finally:
            self._part.unlink(missing_ok=True)


@contextmanager
def opened(source: Source) -> Iterator[HashingReader]:
    """Open a path or bytes from the beginning."""
    with io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb") as file:
        yield HashingReader(file)


def size_of(source: Source) -> int:
    return len(source) if isinstance(source, bytes) else Path(source).stat().st_size


def blocks(source: Source, offset: int, size: int, told: Told | None) -> Iterator[bytes]:
    """Yield the bytes of a piece. told: is called with the place in the file that is reached."""
    with opened(source) as file:
        file.seek(offset)
        end = offset + size
        while offset < end and (block := file.read(min(STEP_BYTES, end - offset))):
            offset += len(block)
            if told:
                told(offset)
            yield block


def part_of(name: str, file: HashingReader) -> tuple[str, BinaryIO, str]:
    """Return a part of a form; httpx only reads the file."""
    return name, cast(BinaryIO, file), MEDIA_TYPE


def name_of(source: Source) -> str:
    return MEMORY_NAME if isinstance(source, bytes) else Path(source).name


def requests_of(files: Iterable[File], most_bytes: Callable[[], int] = lambda: REQUEST_BYTES) -> Iterator[list[File]]:
    """Yield the files of each request; one that is larger than a request should be goes alone."""
    together: list[File] = []
    size = 0
    for file in files:
        if together and (size + file.size > most_bytes() or len(together) >= REQUEST_FILES):
            yield together
            together, size = [], 0
        together.append(file)
        size += file.size
    if together:
        yield together
