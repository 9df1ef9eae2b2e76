"""Which container a file is, by its first bytes: nothing of FFmpeg is needed, so that web can refuse other files."""

from typing import Literal

from core.errors import UnsupportedVideo

Container = Literal["mp4", "mov", "mkv", "webm"]

HEAD_BYTES = 4096  # what `sniff` needs at most: an EBML header has some 40 bytes
READ = "MP4, MOV, MKV and WebM are read"
EBML = b"\x1a\x45\xdf\xa3"
DOC_TYPE = b"\x42\x82"
# A QuickTime file may begin with its contents; an MP4 states what it is.
QUICKTIME_BOXES = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
# Pictures, and sound alone, in the container of MP4.
OTHER_BRANDS = (b"mif1", b"mif2", b"msf1", b"hei", b"hev", b"avif", b"avis", b"crx ", b"M4A ", b"M4B ", b"jp", b"mjp")
FILE_TYPE_BYTES = 12


def checked(head: bytes) -> Container:
    """Return which container a file is; UnsupportedVideo for any other file. head: its first HEAD_BYTES."""
    found = sniff(head)
    if found is None:
        raise UnsupportedVideo(f"the file is not a video: {READ}" if head else f"the file is empty: {READ}")
    return found


def sniff(head: bytes) -> Container | None:
    """Return which container a file is, by its first bytes; None for any other file."""
    if head.startswith(EBML):
        return _matroska(head[:HEAD_BYTES])
    if len(head) < FILE_TYPE_BYTES:
        return None
    size, kind, brand = int.from_bytes(head[:4], "big"), head[4:8], head[8:12]
    if kind == b"ftyp" and size >= FILE_TYPE_BYTES:
        if brand.startswith(OTHER_BRANDS):
            return None
        return "mov" if brand == b"qt  " else "mp4"
    return "mov" if kind in QUICKTIME_BOXES and (size >= 8 or size in (0, 1)) else None


def _matroska(head: bytes) -> Container | None:
    """Read the document's type: an element whose size is one byte."""
    at = head.find(DOC_TYPE)
    if at < 0 or at + 3 > len(head):
        return None
    kind = head[at + 3 : at + 3 + (head[at + 2] & 0x7F)].rstrip(b"\0")
    return {b"webm": "webm", b"matroska": "mkv"}.get(kind)  # type: ignore[return-value]  # literals
