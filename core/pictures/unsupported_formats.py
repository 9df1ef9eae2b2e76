"""Files that are not read though they hold a picture: what they are, so that their sender learns what to do.

Raw photographs begin with a thumbnail. Masking that, and calling it done, would be the worst answer.
"""

import base64
import binascii
import re
import struct
from collections import deque
from collections.abc import Iterator
from itertools import chain

from core.errors import UnsupportedImage
from core.pictures import tiffs
from core.pictures.tiffs import TiffDirectory

RAW = "raw photographs are not read: send a JPEG, or develop it to a TIFF"
# Canon's CR3 and CRW, Fujifilm's, Olympus's, Panasonic's, Sigma's, Minolta's.
RAW_MAGIC = re.compile(rb"....ftypcrx |II\x1a\0\0\0HEAPCCDR|FUJIFILMCCD-RAW|IIR[OS]|MMOR|IIU\0|FOVb|\0MRM", re.DOTALL)
# TIFF's own tags (TIFF 6.0, TIFF/EP, DNG 1.7): what a directory's picture is, where others are, and raw samples.
NEW_SUBFILE_TYPE, SUBFILE_TYPE, PHOTOMETRIC, SUB_DIRECTORIES, DNG_VERSION = 254, 255, 262, 330, 50706
REDUCED, OLD_REDUCED = 1, 2
RAW_SAMPLES = {32803, 34892}  # a colour filter's, and linear ones
CR2, IIQ = b"CR\x02", b"IIII"  # where a TIFF's directory usually begins
MAX_DIRECTORIES = 32  # chosen: raw photographs have up to ten
MAX_START = 1024  # chosen: bytes by which a file is known
BASE64 = re.compile(rb"\s*[A-Za-z0-9+/_\-\r\n]{40}")
PICTURE = re.compile(rb"\xff\xd8\xff|\x89PNG|RIFF....WEBP|BM|II\*\0|MM\0\*|....ftyp|GIF8", re.DOTALL)
# What people send in place of a picture, by its first bytes.
OTHERS = {
    "GIF": re.compile(rb"GIF8"),
    "PDF": re.compile(rb"%PDF-"),
    "SVG": re.compile(rb"\s*(<\?xml[^>]*>\s*)?<svg\b", re.IGNORECASE),
    "HTML": re.compile(rb"\s*<(!doctype html|html)\b", re.IGNORECASE),
    "video": re.compile(rb"....ftyp(isom|iso[2-9]|mp4|avc1|M4V|qt  )|\x1aE\xdf\xa3|RIFF....AVI ", re.DOTALL),
    "JPEG XL": re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "),
    "JPEG 2000": re.compile(rb"\0\0\0\x0cjP  "),
    "PSD": re.compile(rb"8BPS"),
    "ZIP": re.compile(rb"PK\x03\x04"),
}
FORMATS = "JPEG, PNG, WebP, BMP, TIFF, HEIC, AVIF"
DATA_URL = re.compile(rb"\s*data:[a-z]+/", re.IGNORECASE)


def explain(data: bytes) -> str:
    """Say what a file of no accepted format is, as far as that helps its sender."""
    data = data[:MAX_START]  # an expression that skips blanks may take long over many
    if RAW_MAGIC.match(data):
        return RAW
    if DATA_URL.match(data):
        return "the file is a data: URL: send the bytes that it encodes"
    if data.startswith(b"\x1f\x8b"):
        return "the file is compressed by gzip: send the picture itself"
    if _is_base64(data):
        return "the file is base64 text: send the bytes that it encodes"
    other = next((name for name, begins in OTHERS.items() if begins.match(data)), None)
    return f"the file's format is {other}, none of {FORMATS}" if other else f"the file is none of {FORMATS}"


def check_tiff(data: bytes, first: TiffDirectory) -> None:
    """Raise UnsupportedImage for a raw photograph, and for a TIFF whose first page is a thumbnail of another.

    ValueError for a TIFF that ends before a page of it.
    """
    raw = [directory.number(PHOTOMETRIC) in RAW_SAMPLES for directory in chain([first], _others(data, first))]
    if any(raw) or DNG_VERSION in first.entries or data[8:11] == CR2 or data[8:12] == IIQ:
        raise UnsupportedImage(RAW)
    reduced = first.number(NEW_SUBFILE_TYPE) & REDUCED or first.number(SUBFILE_TYPE) == OLD_REDUCED
    nested = (other for start in _nested(data, first) if (other := _read(data, start)))
    if (reduced and (first.linked or SUB_DIRECTORIES in first.entries)) or any(
        _pixels(other) > _pixels(first) for other in nested
    ):
        raise UnsupportedImage("the first page of the TIFF is a thumbnail: send its picture alone")


def _others(data: bytes, first: TiffDirectory) -> Iterator[TiffDirectory]:
    """Walk the other directories of a TIFF, those that can be read: pages, and what is nested in them.

    Each is read once, and forgotten before the next: they may overlap.
    """
    waiting, seen = deque(_links(data, first)), {first.start}
    while waiting and len(seen) <= MAX_DIRECTORIES:
        start = waiting.popleft()
        if start not in seen and (directory := _read(data, start)):
            seen.add(start)
            waiting.extend(_links(data, directory))
            yield directory


def _links(data: bytes, directory: TiffDirectory) -> list[int]:
    """Return where the directories begin that are nested in one, and the page after it; ValueError if that is cut."""
    if not directory.linked:
        return _nested(data, directory)
    following = tiffs.directory(data, directory.next_offset) if directory.next_offset else None
    if not (following and following.complete):
        raise ValueError("the file is cut off before its next page")
    return [*_nested(data, directory), following.start]


def _nested(data: bytes, directory: TiffDirectory) -> list[int]:
    kind, count, _ = directory.entries.get(SUB_DIRECTORIES, (0, 0, b""))
    if kind not in (4, 13) or not 0 < count <= MAX_DIRECTORIES:
        return []
    try:
        return list(directory.numbers(SUB_DIRECTORIES, data))
    except (ValueError, struct.error):
        return []


def _read(data: bytes, start: int) -> TiffDirectory | None:
    try:
        return tiffs.directory(data, start)
    except (ValueError, struct.error):
        return None


def _pixels(directory: TiffDirectory) -> int:
    return directory.number(tiffs.WIDTH) * directory.number(tiffs.HEIGHT)


def _is_base64(data: bytes) -> bool:
    if not BASE64.match(data):
        return False
    text = b"".join(data[:64].split())
    try:
        start = base64.b64decode(text[: len(text) // 4 * 4].translate(bytes.maketrans(b"-_", b"+/")))
    except binascii.Error:
        return False
    return bool(PICTURE.match(start))
