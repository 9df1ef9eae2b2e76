"""HEIC and AVIF files of flat colours, as libheif and libavif write them, and headers box by box."""

import struct
from typing import Any

from tests import pictures
from tests.pictures import WAYS

BOTH = ["heic", "avif"]
LIKE_HEVC = 8  # chosen: what a lossy picture of flat colours may lose
GRID, TILE = 1, 2  # items of `heic`


def flat(form: str, width: int = 96, height: int = 64, **options: Any) -> bytes:
    return pictures.file(pictures.quarters(width, height), form, **WAYS[form], **options)


def resized(data: bytes, width: int, height: int) -> bytes:
    """The file with another size in its header."""
    place = data.index(b"ispe") + 8
    return data[:place] + struct.pack(">II", width, height) + data[place + 8 :]


def box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def info(item: int, kind: bytes, texts: bytes = b"\0") -> bytes:
    """An item's entry in `iinf`. texts: its name and more, each ended by a zero."""
    return box(b"infe", struct.pack(">IHH4s", 0x02000000, item, 0, kind), texts)


def item_infos(*more: bytes) -> bytes:
    infos = [info(GRID, b"grid"), info(TILE, b"hvc1"), *more]
    return box(b"iinf", struct.pack(">IH", 0, len(infos)), *infos)


def properties(*more: bytes) -> bytes:
    """An `ipco`, the grid's size the first."""
    return box(b"ipco", box(b"ispe", struct.pack(">III", 0, 96, 64)), *more)


def heic(more: list[bytes] | None = None, **boxes: bytes) -> bytes:
    """A header of a picture of one tile. boxes: others of its boxes than it needs, by kind; more: those beside them."""
    found = {
        "ftyp": box(b"ftyp", b"heic", bytes(4), b"mif1heic"),
        "iinf": item_infos(),
        "iloc": box(b"iloc", struct.pack(">IHH", 0, 0, 0)),
        "iref": box(b"iref", bytes(4), box(b"dimg", struct.pack(">HHH", GRID, 1, TILE))),
        "iprp": box(b"iprp", properties(), box(b"ipma", struct.pack(">II", 0, 1), struct.pack(">HBB", GRID, 1, 1))),
        **boxes,
    }
    start = [box(b"hdlr", struct.pack(">II4s13x", 0, 0, b"pict")), box(b"pitm", struct.pack(">IH", 0, GRID))]
    meta = [*start, *(found[kind] for kind in ("iinf", "iloc", "iref", "iprp")), *(more or [])]
    return found["ftyp"] + box(b"meta", bytes(4), *meta)
