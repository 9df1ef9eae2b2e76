"""Files to begin with, by their format: drawn ones, and those of folders of real and hostile pictures."""

import re
from collections.abc import Iterable
from pathlib import Path

from tests import pictures
from tests.core.pictures import hostile_files

LARGEST = 400_000  # chosen: bytes of a file; larger ones take long and break no differently
SMALL = 4000  # chosen: bytes of a file that is mostly tables
FORMATS = {
    "heif": re.compile(rb"....ftyp", re.DOTALL),
    "tiff": re.compile(rb"II[*+]\0|MM\0[*+]"),
    "png": re.compile(rb"\x89PNG"),
    "webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "jpeg": re.compile(rb"\xff\xd8\xff"),
    "bmp": re.compile(rb"BM"),
}


def of_folder(shared: Path | None) -> list[bytes]:
    """Return the files of a folder of shared pictures that are not too large."""
    if shared is None:
        return []
    paths = (path for name in ("hostile", "cases", "formats") for path in sorted((shared / "data" / name).glob("*")))
    return [path.read_bytes() for path in paths if path.is_file() and path.stat().st_size <= LARGEST]


def by_format(files: Iterable[bytes] = ()) -> dict[str, list[bytes]]:
    """Return drawn files, and others of an accepted format, by format."""
    drawn = [*pictures.whole_files().values(), *(shape(SMALL) for shape in hostile_files.SHAPES.values())]
    everything = list(dict.fromkeys([*drawn, *files]))
    return {name: [data for data in everything if magic.match(data)] for name, magic in FORMATS.items()}
