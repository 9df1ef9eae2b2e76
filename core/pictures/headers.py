"""Read what a file states about its picture before a pixel is decoded: seven formats, detected by content, not by name.

The containers are walked here rather than by an imaging library: a hostile file's metadata (compressed text,
directories of gigabytes) then costs nothing, and each decoder is later handed only what it needs of a file.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from core.errors import ImageTooLarge, NoImage, UndecodableImage, UnsupportedImage
from core.pictures import tiffs, unsupported_formats
from core.pictures.heif import stills

Format = Literal["jpeg", "png", "webp", "bmp", "tiff", "heic", "avif"]

HEIC_OFF = "HEIC is switched off in this service (FACE_API_HEIC_ENABLED): send a JPEG, PNG or AVIF"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# A marker is 0xFF and a code; 0x00 is a stuffed byte, 0xFF a fill byte, and TEM and RST0-7 carry nothing.
JPEG_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
SOI, EOI, SOS, APP0, APP1, APP2, APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE
BIG_TIFF = re.compile(rb"II\+\0\x08\0\0\0|MM\0\+\0\x08\0\0")
WEBP_CHUNKS = {b"VP8X", b"VP8L", b"VP8 ", b"EXIF", b"ICCP"}
JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # SOF0-15; not DHT, JPG, DAC
MAX_PROFILE_CHUNKS = 255  # of one JPEG: their number is one byte (ICC.1, annex B.4)
MAX_PARTS = 65_536  # chosen: a picture of 25 MiB has some thousands of parts; walking this many takes 50 ms


@dataclass(frozen=True)
class ImageHeader:
    """What a file states about its picture. width, height: in pixels, of the upright picture.

    orientation: EXIF's, 1 (upright) to 8; doubtful_orientation: that by which some viewers turn the picture once more.
    profile: the ICC profile as the file holds it (in PNG: deflated), or b"".
    """

    format: Format
    width: int
    height: int
    orientation: int = 1
    profile: bytes = field(default=b"", repr=False)
    doubtful_orientation: int = 1

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height


def probe(data: bytes, max_pixels: int, *, heic: bool = True) -> ImageHeader:
    """Read a picture's header and decode nothing: NoImage, UnsupportedImage, UndecodableImage, ImageTooLarge.

    heic: whether HEIC counts as a format that is read.
    """
    header = read(data)
    if header.format == "heic" and not heic:
        raise UnsupportedImage(HEIC_OFF)
    if header.width * header.height > max_pixels:
        raise ImageTooLarge(f"the picture has {header.width} × {header.height} pixels, more than {max_pixels:,} in all")
    return header


def read(data: bytes) -> ImageHeader:
    """Read the header of a picture: NoImage, UnsupportedImage (by content), UndecodableImage (a broken header)."""
    if not data:
        raise NoImage("the file is empty")
    reader = next((reader for reader, magic in READERS.items() if magic.match(data)), None)
    if reader is None or unsupported_formats.RAW_MAGIC.match(data):
        raise UnsupportedImage(unsupported_formats.explain(data))
    try:
        header = reader(data)
    except (ValueError, KeyError, IndexError, struct.error) as error:
        raise UndecodableImage("the file is cut off or its header is broken") from error
    if header.width < 1 or header.height < 1:
        raise UndecodableImage("the picture has no pixels")
    return header


def _upright(format: Format, size: tuple[int, int], exif: bytes, profile: bytes = b"") -> ImageHeader:
    """size: (width, height) as stored; `exif` may be anything at all."""
    orientation = tiffs.orientation(exif)
    width, height = size[::-1] if orientation >= 5 else size
    return ImageHeader(format, width, height, orientation, profile)


def segments(data: bytes, closed: bool = True, begin: int = 0) -> Iterator[tuple[int, int, int]]:
    """Walk a JPEG: (marker, start, end) of each segment, from its 0xFF to the end of its parameters, EOI last.

    What lies between two segments is a scan's data, or stray bytes. ValueError where the file ends before EOI; unless
    `closed`, where it ends inside a segment: else an EOI of no bytes is the last. begin: where the JPEG does.
    """
    offset, marker = begin + 2, 0
    for _ in range(MAX_PARTS):
        match = JPEG_MARKER.search(data, offset)
        if not match:
            if closed or offset > len(data):
                raise ValueError("the JPEG ends without an end marker")
            # Half of the end marker may be there.
            end = len(data) - (data.endswith(b"\xff", offset) and marker == SOS)
            yield EOI, end, end
            return
        marker, start = data[match.end() - 1], match.start()
        if marker in (SOI, EOI):
            yield marker, start, start + 2
            return
        offset = start + 2 + max(2, int.from_bytes(data[start + 2 : start + 4]))
        yield marker, start, offset
    raise ValueError("the JPEG has too many segments")


def _read_jpeg(data: bytes) -> ImageHeader:
    size, exif = (0, 0), b""
    profile_chunks: dict[tuple[int, int], bytes] = {}
    for marker, start, end in segments(data):
        body = data[start + 4 : end]
        if marker == APP1 and body.startswith(b"Exif\0\0") and not exif:
            exif = body
        elif marker == APP2 and body.startswith(b"ICC_PROFILE\0") and len(body) > 14:
            if len(profile_chunks) <= MAX_PROFILE_CHUNKS:
                profile_chunks[body[12], body[13]] = body[14:]
        elif marker in JPEG_FRAMES and size == (0, 0):
            height, width = struct.unpack_from(">HH", body, 1)
            size = width, height
        elif marker in (SOS, SOI, EOI):
            break
    count = len(profile_chunks)
    complete = sorted(profile_chunks) == [(n + 1, count) for n in range(count)]
    profile = b"".join(profile_chunks[key] for key in sorted(profile_chunks)) if complete else b""
    return _upright("jpeg", size, exif, profile)


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Walk a PNG: (name, start, end) of each chunk's body, IEND last. ValueError where the file ends before IEND."""
    offset = len(PNG_SIGNATURE)
    for _ in range(MAX_PARTS):
        size, name = struct.unpack_from(">I4s", data, offset)
        start, end = offset + 8, offset + 8 + size
        offset = end + 4
        if offset > len(data):
            raise ValueError("the PNG is cut off")
        yield name, start, end
        if name == b"IEND":
            return
    raise ValueError("the PNG has too many chunks")


def _read_png(data: bytes) -> ImageHeader:
    bodies: dict[bytes, bytes] = {}
    for name, start, end in chunks(data):
        if name in (b"IHDR", b"eXIf", b"iCCP") and name not in bodies:
            bodies[name] = data[start:end]
    width, height = struct.unpack_from(">II", bodies[b"IHDR"])
    return _upright("png", (width, height), bodies.get(b"eXIf", b""), bodies.get(b"iCCP", b""))


def riff_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Walk a WebP: (name, start, end) of each chunk's body. ValueError where one is cut off."""
    offset, last = 12, 8 + int(struct.unpack_from("<I", data, 4)[0])
    if last > len(data):
        raise ValueError("the WebP is cut off")
    for _ in range(MAX_PARTS):
        if offset + 8 > last:
            return
        name, size = struct.unpack_from("<4sI", data, offset)
        start, end = offset + 8, offset + 8 + size
        if end > last:
            raise ValueError("the WebP is cut off")
        yield name, start, end
        offset = end + size % 2
    raise ValueError("the WebP has too many chunks")


def _read_webp(data: bytes) -> ImageHeader:
    bodies: dict[bytes, bytes] = {}
    first = b""
    for name, start, end in riff_chunks(data):
        first = first or name
        if name in WEBP_CHUNKS and name not in bodies:
            # Of the pixels' chunks the first bytes hold the size.
            bodies[name] = data[start : end if name in (b"EXIF", b"ICCP") else min(end, start + 16)]
    if first == b"VP8X":  # libwebp goes by the first chunk, and ignores a later one of this kind
        canvas = bodies[b"VP8X"]
        size = int.from_bytes(canvas[4:7], "little") + 1, int.from_bytes(canvas[7:10], "little") + 1
    elif lossless := bodies.get(b"VP8L"):
        bits = struct.unpack_from("<I", lossless, 1)[0]
        size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = struct.unpack_from("<HH", bodies[b"VP8 "], 6)
        size = width & 0x3FFF, height & 0x3FFF
    return _upright("webp", size, bodies.get(b"EXIF", b""), bodies.get(b"ICCP", b""))


def _read_bmp(data: bytes) -> ImageHeader:
    short = struct.unpack_from("<I", data, 14)[0] == 12  # OS/2 1.x: 16-bit sizes
    width, height = struct.unpack_from("<HH" if short else "<ii", data, 18)
    return ImageHeader("bmp", width, abs(height))  # a negative height: the rows run downwards


def _read_tiff(data: bytes) -> ImageHeader:
    if BIG_TIFF.match(data):
        raise UnsupportedImage("BigTIFFs are not read: save the picture as a plain TIFF")
    directory = tiffs.directory(data)
    if not directory.complete:
        raise ValueError("the directory of the TIFF is cut off")
    unsupported_formats.check_tiff(data, directory)
    size = directory.number(tiffs.WIDTH), directory.number(tiffs.HEIGHT)
    return _upright("tiff", size, data, directory.profile(data))


def _read_heif(data: bytes) -> ImageHeader:
    still = stills.read(data)
    left, top, right, bottom = still.crop
    size = right - left, bottom - top
    width, height = size[::-1] if still.orientation >= 5 else size
    # Orientation is the container's; but where it states none, some writers mean EXIF's, and some viewers turn by it.
    doubtful = 1 if still.turned else tiffs.orientation(still.exif(data))
    return ImageHeader(still.codec, width, height, still.orientation, still.profile, doubtful)


READERS = {
    _read_jpeg: re.compile(rb"\xff\xd8\xff"),
    _read_png: re.compile(re.escape(PNG_SIGNATURE)),
    _read_webp: re.compile(rb"RIFF....WEBP", re.DOTALL),
    _read_bmp: re.compile(rb"BM"),
    _read_tiff: re.compile(rb"II[*+]\0|MM\0[*+]"),
    _read_heif: re.compile(rb"....ftyp", re.DOTALL),
}
