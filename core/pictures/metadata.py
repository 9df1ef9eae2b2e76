"""List what a file holds beside its pixels and their colour profile: all that a masked picture lacks, by name.

The result of a mask is built from pixels, so nothing of this is copied; here it is only listed, so that a person sees
what was removed. Whatever can't be read is skipped.
"""

import re
import struct
from collections.abc import Callable

from core.errors import UnsupportedImage
from core.pictures import tiffs
from core.pictures.headers import APP0, APP1, APP2, APP14, SOI, chunks, riff_chunks, segments
from core.pictures.heif import stills
from core.pictures.heif.containers import HeifContainer

# In the order in which they are listed.
NAMES = (
    "exif",
    "gps",
    "xmp",
    "iptc",
    "thumbnail",
    "mpf",  # another picture in the same file
    "gain_map",
    "depth_map",
    "auxiliary_picture",
    "comment",
    "application_data",
    "pages",
    "frames",
    "trailing_data",
)
# Google's Photo Sphere XMP (developers.google.com/streetview/spherical-metadata), as an attribute or an element.
PROJECTION_NAME = b"GPano:ProjectionType"
PROJECTION = re.compile(re.escape(PROJECTION_NAME) + rb"\s*(?:=\s*[\"']|>)\s*equirectangular")
MIN_EQUIRECTANGULAR = 4096  # pixels of width; chosen: smaller pictures of 2:1 are seldom panoramas
Names = set[str]

EXIF, XMP, XMP_MORE = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
PHOTOSHOP, GAIN_MAP = b"Photoshop 3.0\0", b"urn:iso:std:iso:ts:21496:-1"  # Adobe's image resources; ISO 21496-1
# Words by which a picture states that it is another's gain map or depth map (Ultra HDR, Apple, Google's dynamic depth).
GAIN_WORDS, DEPTH_WORDS = re.compile(rb"hdrgm:|hdrgainmap|GainMap"), re.compile(rb"GDepth|disparity|[dD]epth")
APP13, APP15, COMMENT = 0xED, 0xEF, 0xFE
GPS_DIRECTORY, EXIF_DIRECTORY, SUB_DIRECTORIES, XMP_TAG, IPTC_TAG, PHOTOSHOP_TAG = 34853, 34665, 330, 700, 33723, 34377
# TIFF's tags of text (TIFF 6.0, sections 8 and 12): document, description, maker, model, page, program, time, …
TEXT_TAGS = {269, 270, 271, 272, 285, 305, 306, 315, 316, 33432}
MAX_PICTURES = 16  # chosen: of a JPEG that holds many; what follows is trailing data
PNG_TEXTS = {b"tEXt", b"zTXt", b"iTXt"}
PNG_PLAIN = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"bKGD", b"hIST", b"sBIT", b"sPLT", b"pHYs"),
    *(b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI", b"mDCv", b"cLLi"),
}
PNG_NAMES = {b"eXIf": "exif", b"tIME": "comment", b"acTL": "frames", b"fcTL": "frames", b"fdAT": "frames"}
PNG_KEYWORDS = {
    b"XML:com.adobe.xmp": "xmp",
    b"Raw profile type xmp": "xmp",
    b"Raw profile type exif": "exif",
    b"Raw profile type APP1": "exif",
    b"Raw profile type iptc": "iptc",
}
WEBP_PLAIN = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"}
WEBP_NAMES = {b"EXIF": "exif", b"XMP ": "xmp", b"ANIM": "frames", b"ANMF": "frames"}
HEIF_PLAIN = {b"ftyp", b"meta", b"mdat", b"free", b"skip"}


def is_equirectangular(data: bytes, width: int, height: int) -> bool:
    """Return whether a picture is a 360° panorama: by its XMP, or large and exactly twice as wide as high."""
    if width == 2 * height and width >= MIN_EQUIRECTANGULAR:
        return True
    # Looked for by itself first: that takes half as long in a file of megabytes.
    return PROJECTION_NAME in data and PROJECTION.search(data) is not None


def list_names(data: bytes) -> tuple[str, ...]:
    """List what a picture's file holds beside its picture; it may be cut off or damaged anywhere."""
    names: Names = set()
    reader = next((reader for magic, reader in READERS.items() if magic.match(data)), None)
    try:
        if reader is not None:
            reader(data, names)
    except (UnsupportedImage, ValueError, KeyError, IndexError, struct.error):
        pass  # what was read so far is listed all the same
    return tuple(name for name in NAMES if name in names)


def _read_jpeg(data: bytes, names: Names) -> None:
    end = _read_segments(data, 0, 0, names)
    for _ in range(MAX_PICTURES):
        start = data.find(b"\xff\xd8\xff", end, end + 4096)  # cameras put fill bytes between
        if start < 0:
            break
        names.add("mpf")
        others: Names = set()
        end = _read_segments(data, start, 1, others)
        names |= others & {"gain_map", "depth_map"}
    if end < len(data):
        names.add("trailing_data")


def _read_segments(data: bytes, begin: int, index: int, names: Names) -> int:
    """Read one picture of a JPEG file, the first (0) or another; return where it ends."""
    last = begin
    for marker, start, end in segments(data, begin=begin):
        if marker == SOI:
            break
        body, last = data[start + 4 : end], end
        if marker == COMMENT:
            names.add("comment")
        elif APP0 <= marker <= APP15:
            _read_app_segment(marker, body, index, names)
    return last


def _read_app_segment(marker: int, body: bytes, index: int, names: Names) -> None:
    if marker == APP1 and body.startswith(EXIF):
        _read_exif(body[len(EXIF) :], names)
    elif marker == APP1 and body.startswith((XMP, XMP_MORE)):
        _read_xmp(body, index, names)
    elif marker == APP2 and body.startswith(b"MPF\0"):
        names.add("mpf")
    elif marker == APP2 and body.startswith(GAIN_MAP):
        names.add("gain_map")
    elif marker == APP13 and body.startswith(PHOTOSHOP):
        _read_photoshop(body, names)
    elif marker == APP0:
        if body.startswith(b"JFXX\0") or (body.startswith(b"JFIF\0") and body[12:14] not in (b"", b"\0\0")):
            names.add("thumbnail")
    elif marker != APP14 and not (marker == APP2 and body.startswith(b"ICC_PROFILE\0")):
        names.add("application_data")


def _read_photoshop(body: bytes, names: Names) -> None:
    names.add("iptc")
    if b"8BIM\x04\x0c" in body or b"8BIM\x04\x09" in body:  # both are thumbnails
        names.add("thumbnail")


def _read_xmp(body: bytes, index: int, names: Names) -> None:
    """index: of the picture in its file. The first one's words are about others, the others' about themselves."""
    names.add("xmp")
    if b"GPSLatitude" in body:
        names.add("gps")
    if index:
        names |= {name for name, words in (("gain_map", GAIN_WORDS), ("depth_map", DEPTH_WORDS)) if words.search(body)}


def _read_exif(block: bytes, names: Names) -> None:
    names.add("exif")
    try:
        directory = tiffs.directory(block)
        if GPS_DIRECTORY in directory.entries:
            names.add("gps")
        if directory.next_offset:
            names.add("thumbnail")
    except (ValueError, struct.error):
        pass  # a broken block counts, too


def _read_png(data: bytes, names: Names) -> None:
    last = 0
    for name, start, end in chunks(data):
        last = end + 4
        if name in PNG_TEXTS:
            names.add(PNG_KEYWORDS.get(data[start : min(end, start + 80)].split(b"\0")[0], "comment"))
        elif name == b"eXIf":
            _read_exif(data[start:end], names)
        elif name not in PNG_PLAIN:
            names.add(PNG_NAMES.get(name, "application_data"))
    if last < len(data):
        names.add("trailing_data")


def _read_webp(data: bytes, names: Names) -> None:
    for name, start, end in riff_chunks(data):
        if name == b"EXIF":
            _read_exif(data[start:end].removeprefix(EXIF), names)
        elif name == b"XMP ":
            _read_xmp(data[start:end], 0, names)
        elif name not in WEBP_PLAIN:
            names.add(WEBP_NAMES.get(name, "application_data"))
    if 8 + struct.unpack_from("<I", data, 4)[0] < len(data):
        names.add("trailing_data")


def _read_bmp(data: bytes, names: Names) -> None:
    (size,) = struct.unpack_from("<I", data, 2)
    if 0 < size < len(data):
        names.add("trailing_data")


def _read_tiff(data: bytes, names: Names) -> None:
    directory = tiffs.directory(data)
    tags = {EXIF_DIRECTORY: "exif", GPS_DIRECTORY: "gps", XMP_TAG: "xmp", IPTC_TAG: "iptc", PHOTOSHOP_TAG: "iptc"}
    tags |= {SUB_DIRECTORIES: "pages"} | dict.fromkeys(TEXT_TAGS, "comment")
    names |= {name for tag, name in tags.items() if tag in directory.entries}
    if directory.next_offset:
        names.add("pages")


def _read_heif(data: bytes, names: Names) -> None:
    still = stills.read(data)
    container = still.container
    for item_id, item in container.items.items():
        if item.kind == b"Exif":
            _read_exif(stills.exif_block(container, data, item_id), names)
        elif item.kind == b"mime" and item.content_type == b"application/rdf+xml":
            _read_xmp(container.payload(data, item_id), 0, names)
        elif item.kind in (b"mime", b"uri "):
            names.add("application_data")
        elif item.kind == b"tmap":
            names.add("gain_map")
        elif item_id not in still.parts:
            names |= _classify_picture(container, item_id)
    if b"moov" in container.outer:
        names.add("frames")
    if b"uuid" in container.outer:
        names.add("application_data")
    if container.end < len(data) or container.outer - HEIF_PLAIN - {b"moov", b"uuid"}:
        names.add("trailing_data")


def _classify_picture(container: HeifContainer, item_id: int) -> Names:
    """Name a picture that is not shown; a tile belongs to what it is a tile of."""
    if container.targets(b"thmb", item_id):
        return {"thumbnail"}
    if container.targets(b"auxl", item_id):
        properties = container.items[item_id].properties
        types = b"".join(stills.auxiliary_type(prop) for prop in properties if prop.kind == b"auxC")
        if GAIN_WORDS.search(types):
            return {"gain_map"}
        return {"depth_map"} if DEPTH_WORDS.search(types) or types.endswith(b"auxid:2") else {"auxiliary_picture"}
    owners = container.sources(b"dimg", item_id)
    if any(container.items[owner].kind == b"tmap" for owner in owners if owner in container.items):
        return {"gain_map"}
    return set() if owners else {"pages"}


READERS: dict[re.Pattern[bytes], Callable[[bytes, Names], None]] = {
    re.compile(rb"\xff\xd8\xff"): _read_jpeg,
    re.compile(rb"\x89PNG"): _read_png,
    re.compile(rb"RIFF....WEBP", re.DOTALL): _read_webp,
    re.compile(rb"BM"): _read_bmp,
    re.compile(rb"II\*\0|MM\0\*"): _read_tiff,
    re.compile(rb"....ftyp", re.DOTALL): _read_heif,
}
