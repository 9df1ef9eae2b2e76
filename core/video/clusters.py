"""The frames of a Matroska or WebM file, element by element: whether all are there, and none is larger than frames are.

FFmpeg holds all that a block and its additions are; measured: of 20 MB of empty additions of a block it makes 385 MB.
It takes a file whose end is missing for one that ends there.
"""

from typing import BinaryIO

from core.errors import InvalidVideo
from core.video import ebml

CLUSTER, SIMPLE_BLOCK, GROUP = b"\x1f\x43\xb6\x75", b"\xa3", b"\xa0"
HOLDERS_OF_ADDITIONS = {b"\x75\xa1", b"\xa6"}
MAX_FRAME_BYTES = 64 * 2**20  # chosen: more than a frame of 4K has uncompressed
MAX_IN_GROUP = 64  # elements. chosen: programs write up to ten: a block, its length, what it refers to, its alpha
MAX_ELEMENTS = 4_000_000  # chosen: four times the frames and sounds of two hours
TOO_LARGE = "the video has a frame that is larger than those of videos are"
TOO_MANY = "the video has more parts than those of videos have"


def judge(file: BinaryIO, begins: int, end: int, outer: set[bytes]) -> None:
    """Raise InvalidVideo for frames that are cut off, larger than frames are, or more.

    begins: of the first cluster. end: of the segment, or of the file. outer: what else a segment holds.
    """
    left, place = MAX_ELEMENTS, begins
    while place < end:
        kind, start, stop = ebml.at(file, place, end)
        left -= 1
        if kind == CLUSTER:
            place, left = _walked(file, start, (stop, end), outer, left)
        elif stop is None:
            raise InvalidVideo(ebml.BROKEN)
        else:
            place = stop


def _walked(file: BinaryIO, place: int, ends: tuple[int | None, int], outer: set[bytes], left: int) -> tuple[int, int]:
    """Walk over a cluster that states its end, or goes to the next element of the segment; return where that is.

    left: how many elements there may still be; returned as well.
    """
    stop, end = ends
    while place < (end if stop is None else stop):
        kind, start, following = ebml.at(file, place, end)
        if stop is None and (kind == CLUSTER or kind in outer):
            return place, left
        left -= 1
        if left < 0:
            raise InvalidVideo(TOO_MANY)
        if following is None or (stop is not None and following > stop):
            raise InvalidVideo(ebml.BROKEN)
        if kind in {SIMPLE_BLOCK, GROUP} and following - start > MAX_FRAME_BYTES:
            raise InvalidVideo(TOO_LARGE)
        if kind == GROUP:
            _count(file, start, following, MAX_IN_GROUP)
        place = following
    return place, left


def _count(file: BinaryIO, place: int, end: int, left: int) -> int:
    """Count what a group holds; return how many elements it may still have."""
    while place < end:
        kind, start, following = ebml.at(file, place, end)
        left -= 1
        if left < 0:
            raise InvalidVideo(TOO_MANY)
        if following is None:
            raise InvalidVideo(ebml.BROKEN)
        if kind in HOLDERS_OF_ADDITIONS:
            left = _count(file, start, following, left)
        place = following
    return left
