"""Whether a file is as long as it says, and declares no more than videos have: judged before FFmpeg reads it."""

import io
from typing import BinaryIO

from core.errors import InvalidVideo
from core.video import indexes
from core.video.signatures import Container

BROKEN, CUT = "the header of the video is broken", "the video is cut off"
SEGMENT = b"\x18\x53\x80\x67"
ID_BYTES, SIZE_BYTES = 4, 8  # of the two elements that are read, at most


def judge(file: BinaryIO, container: Container) -> None:
    """Raise InvalidVideo for a file that is cut off, or whose index declares too much."""
    size = file.seek(0, io.SEEK_END)
    if container in {"mkv", "webm"}:
        _judge_matroska(file, size)
    else:
        indexes.judge(file, size)


def _judge_matroska(file: BinaryIO, size: int) -> None:
    """Compare the length of the segment, which is all but the header, with that of the file; live ones don't say.

    FFmpeg leaves out what is missing at the end.
    """
    _, header, at = _element(file, 0)
    if header is None:
        raise InvalidVideo(BROKEN)
    kind, stated, start = _element(file, at + header)
    if kind == SEGMENT and stated is not None and start + stated > size:
        raise InvalidVideo(CUT)


def _element(file: BinaryIO, at: int) -> tuple[bytes, int | None, int]:
    """Read an element's id, its size (None: unknown), and where its contents begin (RFC 8794, 4.4)."""
    file.seek(at)
    head = file.read(ID_BYTES + SIZE_BYTES).ljust(ID_BYTES + SIZE_BYTES, b"\0")
    length = SIZE_BYTES + 1 - head[ID_BYTES].bit_length()
    if length > SIZE_BYTES:
        raise InvalidVideo(BROKEN)
    unknown = (1 << 7 * length) - 1
    stated = int.from_bytes(head[ID_BYTES : ID_BYTES + length], "big") & unknown
    return head[:ID_BYTES], None if stated == unknown else stated, at + ID_BYTES + length
