"""Files in folders, as `face-api batch` reads and writes them."""

import time
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from face_api_client.command.batches import journals

Run = Callable[..., Result]


def write(folder: Path, *names: str) -> None:
    """Write files whose content is their name."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def tree(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder, beside the journal."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(journals.FILE_NAME))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 180
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.005)
