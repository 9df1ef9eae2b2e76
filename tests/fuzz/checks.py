"""What holds for any bytes: the invariants that fuzzing tries to break."""

import numpy as np

from core.errors import InvalidInput
from core.pictures import headers, images, metadata
from tests.core.pictures import costs

MAX_PIXELS = 4_000_000  # chosen: what takes a moment to decode
TABLES = 2**20  # bytes; chosen: as in the tests of linear time


class Broken(AssertionError):
    """An invariant that does not hold."""


def header(data: bytes) -> None:
    """Reading a header gives a size or an error of the caller's, and lists names; neither takes more than the file."""
    taken = costs.peak(headers.read, data)  # any other error passes it
    if taken > 2 * len(data) + TABLES:
        raise Broken(f"reading {len(data)} bytes took {taken}")
    taken = costs.peak(metadata.list_names, data)
    if taken > 2 * len(data) + TABLES:
        raise Broken(f"listing what {len(data)} bytes hold took {taken}")


def picture(data: bytes) -> images.DecodedImage | None:
    """Decoding gives a picture of the size that its header states, or an error of the caller's: then None."""
    try:
        stated = headers.probe(data, MAX_PIXELS)
        decoded = images.decode(data, MAX_PIXELS)
    except InvalidInput:
        return None
    shapes = {decoded.pixels.shape[:2], *(() if decoded.alpha is None else (decoded.alpha.shape,))}
    if shapes != {stated.size[::-1]}:
        raise Broken(f"a picture of {stated.size} was read as {shapes}")
    return decoded


def cut(data: bytes, whole: images.DecodedImage) -> None:
    """A file without its end is refused, or shows the whole picture."""
    found = picture(data)
    if found is not None and not (same(found.pixels, whole.pixels) and same(found.alpha, whole.alpha)):
        raise Broken("a cut file was read as another picture")


def same(one: images.Pixels | None, other: images.Pixels | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))
