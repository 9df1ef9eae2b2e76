"""Whether a file is as long as it says, and declares no more than it can hold: judged before FFmpeg reads it.

FFmpeg leaves out what is missing at the end of a Matroska file, and takes memory for as many samples as a table of an
MP4 declares.
"""

import io
from typing import BinaryIO

from core.errors import InvalidVideo
from core.video.signatures import Container

SEGMENT = b"\x18\x53\x80\x67"
EBML_ID_BYTES = 4
ELEMENT_BYTES = 12  # an element's id and size, at most


def judge(file: BinaryIO, container: Container) -> None:
    """Raise InvalidVideo for a file that is cut off."""
    size = file.seek(0, io.SEEK_END)
    if container in {"mkv", "webm"}:
        _judge_matroska(file, size)


def _judge_matroska(file: BinaryIO, size: int) -> None:
    """Compare the length of the segment, which is all but the header, with that of the file; live ones don't say."""
    _, header, at = _element(file, 0)
    if header is None:
        raise InvalidVideo("the header of the video is broken")
    kind, stated, start = _element(file, at + header)
    if kind == SEGMENT and stated is not None and start + stated > size:
        raise InvalidVideo("the video is cut off")


def _element(file: BinaryIO, at: int) -> tuple[bytes, int | None, int]:
    """Read an element's id, its size (None: unknown), and where its contents begin (RFC 8794, 4.4)."""
    file.seek(at)
    head = file.read(ELEMENT_BYTES).ljust(ELEMENT_BYTES, b"\0")
    first = head[EBML_ID_BYTES]
    length = 9 - first.bit_length()
    if length > 8:
        raise InvalidVideo("the header of the video is broken")
    bits = 7 * length
    stated = int.from_bytes(head[EBML_ID_BYTES : EBML_ID_BYTES + length], "big") & ((1 << bits) - 1)
    return head[:EBML_ID_BYTES], None if stated == (1 << bits) - 1 else stated, at + EBML_ID_BYTES + length
