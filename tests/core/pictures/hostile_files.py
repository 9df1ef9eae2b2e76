"""Files that are mostly tables: shapes that cost a careless reader more than their bytes, each of any size.

`SHAPES`: by name, what makes a file of about so many bytes.
"""

import struct
import zlib
from collections.abc import Callable

from core.pictures.headers import PNG_SIGNATURE
from tests import pictures
from tests.core.pictures.heif.files import GRID, TILE, box, heic, info, item_infos, properties

JPEG = pictures.file(pictures.quarters(), "jpeg", restart_marker_blocks=4)
FRAME, SCAN = JPEG.index(b"\xff\xc0"), JPEG.index(b"\xff\xda")
WEBP = pictures.file(pictures.quarters(), "webp")
PNG = pictures.file(pictures.quarters(), "png")
NESTED = 32  # directories
XMP = b"http://ns.adobe.com/xap/1.0/\0"


def names(count: int) -> list[bytes]:
    """So many different kinds of boxes or chunks."""
    return [struct.pack(">I", 0x61616161 + n) for n in range(count)]


def kinds_of_properties(size: int) -> bytes:
    return heic(iprp=box(b"iprp", properties(), *[box(name) for name in names(size // 8)]))


def one_auxiliary_type(size: int) -> bytes:
    """An auxiliary picture's type of half the file, and as many pictures of it as fit into the rest."""
    count = min(size // 100, 60_000)
    urn = box(b"auxC", bytes(4), b"\0" * (size // 2))
    infos = item_infos(*(info(TILE + 1 + n, b"hvc1") for n in range(count)))
    references = [box(b"auxl", struct.pack(">HHH", TILE + 1 + n, 1, GRID)) for n in range(count)]
    table = box(
        b"ipma",
        struct.pack(">II", 0, count + 1),
        struct.pack(">HBB", GRID, 1, 1),
        *[struct.pack(">HBB", TILE + 1 + n, 1, 2) for n in range(count)],
    )
    iprp = box(b"iprp", properties(urn), table)
    tiles = box(b"dimg", struct.pack(">HHH", GRID, 1, TILE))
    return heic(iinf=infos, iref=box(b"iref", bytes(4), tiles, *references), iprp=iprp)


def many_auxiliary_types(size: int) -> bytes:
    urns = box(b"auxC", bytes(4), b"urn:x\0") * (size // 18)
    return heic(
        iprp=box(b"iprp", properties(urns), box(b"ipma", struct.pack(">II", 0, 1), struct.pack(">HBB", GRID, 1, 1)))
    )


def equal_properties(size: int) -> bytes:
    """Two equal properties of a third of the file each, and as many items that have the second."""
    large = box(b"hvcC", bytes(size // 3))
    count = min(size // 100, 60_000)
    table = [struct.pack(">HBBB", GRID if n % 2 else TILE, 2, 2, 3) for n in range(count)]
    return heic(iprp=box(b"iprp", properties(large, large), box(b"ipma", struct.pack(">II", 0, count), *table)))


def configurations(size: int) -> bytes:
    """A decoder configuration of the whole file, of sequences that state no size."""
    sets = struct.pack(">H", 3) + b"\x42\x01\x01"
    count = min(size // 5, 65_535)
    return heic(
        iprp=box(
            b"iprp",
            properties(box(b"hvcC", bytes(22), b"\1", struct.pack(">BH", 33, count), sets * count)),
            box(
                b"ipma", struct.pack(">II", 0, 2), struct.pack(">HBB", GRID, 1, 1), struct.pack(">HBBB", TILE, 2, 1, 2)
            ),
        )
    )


def places(size: int) -> bytes:
    """Places that take no bytes of the table: as many as 16 bits count, for as many items as fit."""
    count = max(1, min(size // 8, 0xFFFF))
    return heic(iloc=box(b"iloc", struct.pack(">IHH", 0, 0, count), *[struct.pack(">HHH", TILE, 0, 0xFFFF)] * count))


def shared_exif(size: int) -> bytes:
    """EXIF of parts that are all the same half of the file."""
    count = max(1, min(size // 16, 0xFFFF))
    infos = item_infos(info(TILE + 1, b"Exif"))
    table = struct.pack(">HHH", TILE + 1, 0, count) + struct.pack(">II", 0, size // 2) * count
    return heic(iinf=infos, iloc=box(b"iloc", struct.pack(">IHH", 0, 0x4400, 1), table)) + box(
        b"free", bytes(size // 2)
    )


def references(size: int) -> bytes:
    return heic(iref=box(b"iref", bytes(4), *[box(b"dimg", struct.pack(">HH", GRID, 0))] * (size // 12)))


def targets(size: int) -> bytes:
    count = min(size // 2, 0xFFFF)
    return heic(iref=box(b"iref", bytes(4), box(b"dimg", struct.pack(f">HH{count}H", GRID, count, *range(count)))))


def crops(size: int) -> bytes:
    whole = box(b"clap", struct.pack(">IIIIiIiI", 96, 1, 64, 1, 0, 1, 0, 1))
    count = size // 2
    entries = count // 255
    table = [struct.pack(">HB", GRID, 255), b"\1", b"\2" * 254]
    return heic(iprp=box(b"iprp", properties(whole), box(b"ipma", struct.pack(">II", 0, entries), *table * entries)))


def directory(start: int, rows: int, link: int = 0) -> bytes:
    """A directory of so many rows, a picture's size the first."""
    table = struct.pack("<HHII", 256, 4, 1, 96) + struct.pack("<HHII", 257, 4, 1, 64)
    others = b"".join(struct.pack("<HHII", 1000 + n, 4, 1, 1) for n in range(rows - 2))
    return struct.pack("<H", rows) + table + others + struct.pack("<I", link)


def tags(size: int) -> bytes:
    return b"II*\0\x08\0\0\0" + directory(8, max(2, min(size // 12, 60_000)))


def overlapping_directories(size: int) -> bytes:
    """Directories of the whole file, each beginning a row after the one before and nesting all of them again."""
    rows = max(64, min(size // 12, 60_000))
    begin = 8 + 2 + 12 * 3 + 4  # of the places of the nested ones
    table = begin + 4 * NESTED + 2
    first = struct.pack("<HHII", 256, 4, 1, 96) + struct.pack("<HHII", 257, 4, 1, 64)
    nested = struct.pack("<HHII", 330, 4, NESTED, begin)
    places = struct.pack(f"<{NESTED}I", *(table - 2 + 12 * n for n in range(NESTED)))
    # What stands before a row is the number of rows of the directory that begins there.
    others = [struct.pack("<HHIHH", 1000 + n % 60_000, 4, 1, 0, rows) for n in range(rows)]
    others += [struct.pack("<HHII", 2 + n, 4, 1, 0) for n in range(NESTED)]
    start = b"II*\0\x08\0\0\0\3\0" + first + nested + bytes(4) + places + struct.pack("<H", rows)
    return start + b"".join(others[:NESTED]) + nested + b"".join(others[NESTED:])


def overlapping_strips(size: int, compression: int = 8) -> bytes:
    """A strip of most of the file, and as many of it as fit into the rest."""
    count = max(2, size // 64)
    strip = zlib.compress(bytes(96 * 3), 9).ljust(size, b"\0")
    rows = {256: 96, 257: count, 258: 8, 259: compression, 262: 2, 273: 0, 277: 3, 278: 1, 279: 0}
    begin = 8 + 2 + 12 * len(rows) + 4
    data = struct.pack("<H", len(rows))
    for tag, value in rows.items():
        if tag in (273, 279):
            data += struct.pack("<HHII", tag, 4, count, begin + (0 if tag == 273 else 4 * count))
        else:
            data += struct.pack("<HHII", tag, 4, 1, value)
    place = begin + 8 * count
    offsets, sizes = struct.pack("<I", place) * count, struct.pack("<I", len(strip)) * count
    return b"II*\0\x08\0\0\0" + data + bytes(4) + offsets + sizes + strip


def png_of(*chunks: bytes) -> bytes:
    start = len(PNG_SIGNATURE) + 25
    return PNG[:start] + b"".join(chunks) + PNG[start:]


def webp_of(*chunks: bytes) -> bytes:
    body = WEBP[8:] + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def riff(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def scans(size: int) -> bytes:
    return JPEG[:-2] + JPEG[SCAN:-2] * (size // (len(JPEG) - SCAN))


def short_scans(size: int) -> bytes:
    return JPEG[:SCAN] + b"\xff\xda\0\x08\1\1\0\0\x3f\0\0" * (size // 11) + JPEG[-2:]


SHAPES: dict[str, Callable[[int], bytes]] = {
    "heif-brands": lambda size: heic(ftyp=box(b"ftyp", b"heic", bytes(4), b"".join(names(size // 4)))),
    "heif-outer": lambda size: heic() + b"".join(box(name) for name in names(size // 8)),
    "heif-meta": lambda size: heic(more=[box(name) for name in names(size // 8)]),
    "heif-kinds-of-properties": kinds_of_properties,
    "heif-item-name": lambda size: heic(iinf=item_infos(info(3, b"mime", bytes(size)))),
    "heif-items": lambda size: heic(
        iinf=item_infos(*(info(3 + n, b"mime", b"\0x\0") for n in range(min(size // 24, 60_000))))
    ),
    "heif-auxiliary-type": one_auxiliary_type,
    "heif-auxiliary-types": many_auxiliary_types,
    "heif-equal-properties": equal_properties,
    "heif-configurations": configurations,
    "heif-places": places,
    "heif-shared-exif": shared_exif,
    "heif-references": references,
    "heif-targets": targets,
    "heif-crops": crops,
    "tiff-tags": tags,
    "tiff-overlapping-directories": overlapping_directories,
    "tiff-overlapping-strips": overlapping_strips,
    "tiff-overlapping-lzw-strips": lambda size: overlapping_strips(size, 5),
    "png-chunks": lambda size: png_of(*(pictures.chunk(name, b"") for name in names(size // 12))),
    "png-texts": lambda size: png_of(pictures.chunk(b"tEXt", b"a" * size)),
    "png-exif": lambda size: png_of(pictures.chunk(b"eXIf", tags(size))),
    "png-exifs": lambda size: png_of(*[pictures.chunk(b"eXIf", tags(1000))] * (size // 1000)),
    "png-key": lambda size: png_of(pictures.chunk(b"tRNS", bytes(size // 2 * 2))),
    "webp-chunks": lambda size: webp_of(*(riff(name, b"") for name in names(size // 8))),
    "webp-exif": lambda size: webp_of(riff(b"EXIF", tags(size))),
    "jpeg-segments": lambda size: JPEG[:2] + pictures.segment(0xFE, b"") * (size // 4) + JPEG[2:],
    "jpeg-profile": lambda size: (
        JPEG[:2]
        + b"".join(
            pictures.segment(0xE2, b"ICC_PROFILE\0" + bytes([1 + n % 255, n // 255]) + bytes(64))
            for n in range(min(size // 82, 65_000))
        )
        + JPEG[2:]
    ),
    "jpeg-scans": scans,
    "jpeg-short-scans": short_scans,
    "jpeg-fill-bytes": lambda size: JPEG[:-2] + bytes(16) + b"\xff" * size + JPEG[-2:],
    "jpeg-tables": lambda size: (
        JPEG[:FRAME]
        + pictures.segment(0xDB, b"\0" + bytes([1] * 64)) * (size // 69)
        + JPEG[FRAME:-2]
        + b"\0"
        + JPEG[-2:]
    ),
    "jpeg-zeros-at-the-end": lambda size: JPEG[:-2] + bytes(size) + JPEG[-2:],
    "jpeg-pictures": lambda size: JPEG * (size // len(JPEG)),
    "jpeg-projection": lambda size: (
        JPEG[:2] + pictures.segment(0xE1, XMP + b"GPano:ProjectionType" + b" " * 60_000) * (size // 60_000) + JPEG[2:]
    ),
    "bmp": lambda size: pictures.file(pictures.quarters(), "bmp") + bytes(size),
    "stranger-blanks": lambda size: b" \n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n" * (size // 17),
}
