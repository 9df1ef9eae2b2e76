"""TIFFs of any samples, directory by directory: what Pillow does not write."""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Order = str  # "<" or ">"


def packed(samples: NDArray[Any], bits: int, order: Order = ">") -> bytes:
    """Rows of samples, (height, width, count), each row ending at a whole byte (TIFF 6.0, section 8)."""
    if bits in (8, 16):
        return samples.astype("u1" if bits == 8 else f"{order}u2").tobytes()
    rows = samples.reshape(len(samples), -1)
    powers = 1 << np.arange(bits - 1, -1, -1)
    return np.packbits((rows[:, :, None] & powers > 0).reshape(len(rows), -1), axis=1).tobytes()


@dataclass(frozen=True)
class TiffPage:
    """A page: pixels (height, width, count) of so many bits; tags: others, of type SHORT or LONG."""

    samples: NDArray[Any]
    bits: int = 8
    photometric: int = 1
    planar: bool = False
    deflated: bool = True
    tags: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    nested: tuple["TiffPage", ...] = ()


def tiff(*pages: TiffPage, order: Order = "<") -> bytes:
    """A TIFF of these pages, each with its nested ones."""
    data = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    links = [4]
    for page in pages:
        start, link = _append(data, page, order)
        struct.pack_into(order + "I", data, links[-1], start)
        links.append(link)
    return bytes(data)


def _append(data: bytearray, page: TiffPage, order: Order) -> tuple[int, int]:
    """Append a page; return where its directory begins, and where its link to the next stands."""
    nested = tuple(_append(data, other, order)[0] for other in page.nested)
    height, width, count = page.samples.shape
    planes = [page.samples[:, :, n : n + 1] for n in range(count)] if page.planar else [page.samples]
    blobs = [packed(plane, page.bits, order) for plane in planes]
    blobs = [zlib.compress(blob) for blob in blobs] if page.deflated else blobs
    offsets = []
    for blob in blobs:
        offsets.append(len(data))
        data += blob + bytes(len(blob) % 2)
    tags: dict[int, tuple[int, ...]] = {
        256: (width,),
        257: (height,),
        258: (page.bits,) * count,
        259: (8 if page.deflated else 1,),
        262: (page.photometric,),
        273: tuple(offsets),
        277: (count,),
        278: (height,),
        279: tuple(len(blob) for blob in blobs),
        284: (2 if page.planar else 1,),
        **({330: nested} if nested else {}),
        **page.tags,
    }
    rows = b""
    for tag, values in sorted(tags.items()):
        kind = 4 if tag in (273, 279, 330) or max(values) > 65_535 else 3
        body = struct.pack(f"{order}{len(values)}{'I' if kind == 4 else 'H'}", *values)
        if len(body) > 4:
            place = struct.pack(order + "I", len(data))
            data += body
        rows += struct.pack(order + "HHI", tag, kind, len(values)) + (body.ljust(4, b"\0") if len(body) <= 4 else place)
    start = len(data)
    data += struct.pack(order + "H", len(tags)) + rows + bytes(4)
    return start, len(data) - 4
