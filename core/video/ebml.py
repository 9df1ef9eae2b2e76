"""Elements of EBML, the format that Matroska and WebM files are written in (RFC 8794)."""

from collections.abc import Iterator
from typing import BinaryIO

from core.errors import InvalidVideo

BROKEN, CUT = "the header of the video is broken", "the video is cut off"
ID_BYTES, SIZE_BYTES = 4, 8  # at most


def at(file: BinaryIO, place: int, size: int) -> tuple[bytes, int, int | None]:
    """Read an element's id in a file, and from where to where its contents go, None: without a stated end.

    size: of the file; InvalidVideo for an element that goes beyond it.
    """
    file.seek(place)
    kind, header_bytes, length = header(file.read(ID_BYTES + SIZE_BYTES))
    if place + header_bytes + (length or 0) > size:
        raise InvalidVideo(CUT)
    return kind, place + header_bytes, None if length is None else place + header_bytes + length


def header(data: bytes | memoryview) -> tuple[bytes, int, int | None]:
    """Read an element's id, how long its header is, and its contents, None: unknown (RFC 8794, 4 to 6)."""
    head = bytes(data[: ID_BYTES + SIZE_BYTES]).ljust(ID_BYTES + SIZE_BYTES, b"\0")
    id_bytes = 9 - head[0].bit_length()
    if id_bytes > ID_BYTES:
        raise InvalidVideo(BROKEN)
    size_bytes = 9 - head[id_bytes].bit_length()
    if size_bytes > SIZE_BYTES:
        raise InvalidVideo(BROKEN)
    unknown = (1 << 7 * size_bytes) - 1
    stated = int.from_bytes(head[id_bytes : id_bytes + size_bytes], "big") & unknown
    return head[:id_bytes], id_bytes + size_bytes, None if stated == unknown else stated


def children(contents: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the id and the contents of each element in another."""
    place = 0
    while place < len(contents):
        kind, header_bytes, length = header(contents[place:])
        if length is None or place + header_bytes + length > len(contents):
            raise InvalidVideo(BROKEN)
        yield kind, contents[place + header_bytes : place + header_bytes + length]
        place += header_bytes + length
