"""Random cuts of good files: a cut file is refused, or it lacks nothing that a pixel needs.

`python -m tests.core.pictures.test_cuts 20000 FOLDER …` makes as many cuts as one likes, of the files in folders, too.
"""

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from core.errors import InvalidInput
from core.pictures import images
from tests import pictures
from tests.core.pictures import test_tiff_samples
from tests.core.pictures.tiff_files import TiffPage, tiff

CUTS = 400  # chosen: some seconds
LARGEST = 400_000  # chosen: bytes of a file; larger ones take long and cut no differently


def good_files(*folders: Path) -> dict[str, bytes]:
    """Every format and way of coding, and what is read of folders."""
    files = dict(pictures.whole_files())
    for bits in (10, 12, 14, 16):
        for deflated in (True, False):
            page = TiffPage(test_tiff_samples.deep(test_tiff_samples.GREY, bits), bits, deflated=deflated)
            files[f"tiff-{bits}-{deflated}"] = tiff(page)
    files["tiff-planes"] = tiff(TiffPage(test_tiff_samples.COLOUR, 8, 2, planar=True))
    for path in (path for folder in folders for path in sorted(folder.iterdir()) if path.is_file()):
        data = path.read_bytes()
        if len(data) <= LARGEST and _decoded(data) is not None:
            files[f"{path.parent.name}/{path.name}"] = data
    return files


def wrongly_read(files: dict[str, bytes], count: int, seed: int) -> Iterator[tuple[str, int]]:
    """Cut files at random, half of the cuts near their ends; yield those that show another picture: (name, size)."""
    dice = random.Random(seed)
    names, whole = list(files), dict[str, images.DecodedImage | None]()
    for number in range(count):
        name = dice.choice(names)
        data = files[name]
        size = len(data) - 1 - int((len(data) - 1) * dice.random() ** (1 if number % 2 else 6))
        picture = _decoded(data[:size])
        if picture is None:
            continue
        expected = whole.setdefault(name, _decoded(data))
        if expected is None or not _same(picture.pixels, expected.pixels) or not _same(picture.alpha, expected.alpha):
            yield name, size


def _same(one: pictures.Pixels | None, other: pictures.Pixels | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))


def _decoded(data: bytes) -> images.DecodedImage | None:
    try:
        return images.decode(data, pictures.MANY)
    except InvalidInput:
        return None


def test_cut_file_is_never_read_as_another_picture() -> None:
    assert list(wrongly_read(good_files(), CUTS, seed=1)) == []


def test_real_cut_file_is_never_read_as_another_picture(shared_data: Path) -> None:
    files = good_files(shared_data / "cases", shared_data / "formats")
    assert list(wrongly_read(files, CUTS, seed=2)) == []


if __name__ == "__main__":
    found = wrongly_read(good_files(*map(Path, sys.argv[2:])), int(sys.argv[1]), seed=3)
    print(sorted(found) or "every cut was refused, or showed the whole picture")  # noqa: T201
