"""The primary picture of a HEIF or AVIF file: how large it is, which way up, and whether all its parts are complete.

Errors are ValueError, KeyError, IndexError and struct.error; UnsupportedImage for a file that is neither HEIC nor AVIF.
"""

import struct
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from core.errors import UnsupportedImage
from core.pictures import unsupported_formats
from core.pictures.heif import bitstreams, boxes
from core.pictures.heif.containers import HeifContainer, HeifItem, HeifProperty

Codec = Literal["heic", "avif"]
Crop = tuple[int, int, int, int]

# Brands of stills and of sequences that may have a still (ISO/IEC 23008-12, annex B and 10; AVIF 1.1, section 8).
BRANDS = {b"mif1", b"msf1", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"avif", b"avis"}
CODECS: dict[bytes, Codec] = {b"hvc1": "heic", b"av01": "avif"}
MAX_URN_BYTES = 256  # chosen: they have up to fifty
ALPHA_URNS = {b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1"}
MAX_PARTS = 1000  # libheif's own limit of items
MAX_CHANGES = 8  # chosen: crops, rotations and mirrors of a picture, which are up to three
MIN_UNITS = 64  # chosen: of the bitstream of each of many tiles, which has some units
MAX_EXIF_BYTES = 2**22  # chosen: cameras write some ten kilobytes
HEVC_SLACK = 64  # such a picture ends at a whole block
# Pixels of all that is decoded for one picture: tiles that reach over its edge, alpha, and the same again.
MAX_DECODED, MAX_EXTRA = 4, 2**24
# EXIF's orientation of a picture that is first mirrored, left to right, and then turned clockwise so many quarters.
ORIENTATIONS = {(0, 0): 1, (1, 0): 2, (0, 2): 3, (1, 2): 4, (1, 3): 5, (0, 1): 6, (1, 1): 7, (0, 3): 8}


@dataclass(frozen=True)
class Still:
    """The primary picture. size: (width, height) as it is coded; crop: left, top, right, bottom of what is shown of it.

    orientation: as EXIF's, of what is shown; parts: the picture, its tiles, and the same of its alpha, by item id.
    """

    codec: Codec
    size: tuple[int, int]
    crop: Crop
    orientation: int
    profile: bytes
    container: HeifContainer
    parts: list[int]

    @property
    def turned(self) -> bool:
        """Whether the container states which way up the picture is."""
        return any(prop.kind in (b"irot", b"imir") for prop in self.container.items[self.container.primary].properties)

    def exif(self, data: bytes) -> bytes:
        """Return the EXIF block that describes the picture, or b""."""
        described = (self.container.primary, 0)
        for item_id, item in self.container.items.items():
            targets = self.container.targets(b"cdsc", item_id) or (0,)
            if item.kind == b"Exif" and any(target in described for target in targets):
                return exif_block(self.container, data, item_id)
        return b""


def read(data: bytes) -> Still:
    """Read the primary picture's header; `check_parts` tests whether it is complete, and of that size."""
    brands = boxes.brands(data)
    if not brands & BRANDS:
        raise UnsupportedImage(unsupported_formats.explain(data))
    container = boxes.read(data)
    parts = _parts(container)
    codec = _codec(container)
    primary = container.items[container.primary]
    size = _size(primary)
    crop, orientation = geometry(primary, size)
    return Still(codec, size, crop, orientation, _profile(container, parts), container, parts)


def exif_block(container: HeifContainer, data: bytes, item_id: int) -> bytes:
    """Return an item's EXIF block: it states first how far away the block begins (ISO/IEC 23008-12, annex A)."""
    if sum(last - first for first, last in container.items[item_id].extents) > MAX_EXIF_BYTES:
        raise ValueError("the EXIF block is too large")
    item = container.payload(data, item_id)
    return item[4 + int.from_bytes(item[:4]) :].removeprefix(b"Exif\0\0")


def auxiliary_type(prop: HeifProperty) -> bytes:
    """Return what an `auxC` says its picture is: a URN."""
    return prop.body[4 : 4 + MAX_URN_BYTES].partition(b"\0")[0]


def geometry(item: HeifItem, size: tuple[int, int]) -> tuple[Crop, int]:
    """Return the crop and the orientation of a picture, from its crop, rotation and mirror in the file's order."""
    crop, mirrored, quarters, turned = (0, 0, *size), 0, 0, False
    changes = [prop for prop in item.properties if prop.kind in (b"clap", b"irot", b"imir")]
    if len(changes) > MAX_CHANGES:
        raise ValueError("the picture is cropped or turned too often")
    for prop in changes:
        if prop.kind == b"clap":
            if turned or crop != (0, 0, *size):
                raise ValueError("the picture is cropped after it is turned, or twice")
            crop = _crop(prop.body, size)
        elif prop.kind == b"irot":  # anticlockwise
            quarters, turned = (quarters - (prop.body[0] & 3)) % 4, True
        elif prop.kind == b"imir":  # 0: the top and the bottom change places; 1: the left and the right
            mirrored, turned = 1 - mirrored, True
            quarters = ((0 if prop.body[0] & 1 else 2) - quarters) % 4
    return crop, ORIENTATIONS[mirrored, quarters]


def _crop(body: bytes, size: tuple[int, int]) -> Crop:
    """Read a clean aperture (ISO/IEC 14496-12, 12.1.4): a size, and how far its centre is from the picture's."""
    numbers = struct.unpack_from(">IIIIiIiI", body)
    if 0 in numbers[1::2]:
        raise ValueError("the crop of the picture has no size")
    width, height, across, down = (Fraction(*numbers[at : at + 2]) for at in (0, 2, 4, 6))
    edges = []
    for full, cropped, offset in ((size[0], width, across), (size[1], height, down)):
        start = max(0, round(Fraction(full) / 2 + offset - cropped / 2))
        edges.append((start, min(full, start + round(cropped))))
    (left, right), (top, bottom) = edges
    if left >= right or top >= bottom:
        raise ValueError("the crop of the picture is empty")
    return left, top, right, bottom


def _parts(container: HeifContainer) -> list[int]:
    """List the items that pixels come from: the picture and its tiles, then their alpha planes."""
    colour = [container.primary, *dict.fromkeys(_tiles(container, container.primary))]
    auxiliaries = dict.fromkeys(item_id for part in colour for item_id in container.sources(b"auxl", part))
    alphas = [item_id for item_id in auxiliaries if _is_alpha(container.items[item_id])]
    tiles = [tile for item_id in alphas for tile in _tiles(container, item_id)]
    parts = list(dict.fromkeys([*colour, *alphas, *tiles]))
    if len(parts) > MAX_PARTS:
        raise ValueError("the picture has too many parts")
    return parts


def _tiles(container: HeifContainer, item_id: int) -> tuple[int, ...]:
    return container.targets(b"dimg", item_id) if container.items[item_id].kind == b"grid" else ()


def _is_alpha(item: HeifItem) -> bool:
    return any(prop.kind == b"auxC" and auxiliary_type(prop) in ALPHA_URNS for prop in item.properties)


def _codec(container: HeifContainer) -> Codec:
    tiles = _tiles(container, container.primary)
    kind = container.items[tiles[0] if tiles else container.primary].kind
    if kind not in CODECS:
        raise UnsupportedImage("the file's picture is coded neither in HEVC nor in AV1")
    return CODECS[kind]


def _size(item: HeifItem) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", item.first(b"ispe"), 4)
    return width, height


def _profile(container: HeifContainer, parts: list[int]) -> bytes:
    colours = [prop for part in parts for prop in container.items[part].properties if prop.kind == b"colr"]
    return next((prop.body[4:] for prop in colours if prop.body[:4] in (b"prof", b"rICC")), b"")


def check_parts(data: bytes, still: Still) -> None:
    """Check that every part is complete, and that decoding all of them is in proportion to the picture.

    ValueError for a picture that is not complete, or larger than its header states.
    """
    tiles = Counter(tile for part in still.parts for tile in _tiles(still.container, part))
    budget = MAX_DECODED * still.size[0] * still.size[1] + MAX_EXTRA
    limit = max(MIN_UNITS, bitstreams.MAX_UNITS // len(still.parts))
    for part in still.parts:
        # A tile that is used in several places is decoded for each of them.
        budget -= _decoded_pixels(data, still.container, part, limit) * max(1, tiles[part])
        if budget < 0:
            raise ValueError("the parts of the picture are larger than it")


def _decoded_pixels(data: bytes, container: HeifContainer, item_id: int, limit: int) -> int:
    """Return how many pixels decoding a part gives; ValueError if it is not complete or misstates its size.

    limit: of the units of its bitstream.
    """
    item = container.items[item_id]
    # An essential property of another kind changes how the picture looks.
    if any(prop.essential and prop.kind not in boxes.PROPERTIES for prop in item.properties):
        raise ValueError("the picture needs what is not known here")
    width, height = _size(item)
    payload = container.payload(data, item_id)
    if item.kind == b"grid":
        _check_grid(payload, container, item_id)
        return 0
    if item.kind == b"hvc1":
        bitstreams.hevc_slices(payload, item.first(b"hvcC"), limit)
        sizes, slack = bitstreams.hevc_sizes(item.first(b"hvcC")), HEVC_SLACK
    elif item.kind == b"av01":
        configured = bitstreams.sequence_sizes(item.first(b"av1C")[4:])
        sizes, slack = [*bitstreams.av1_sizes(payload, limit), *configured], 1
    else:
        raise ValueError("a part of the picture is of another kind")
    if not sizes or not all(0 <= wide - width < slack and 0 <= high - height < slack for wide, high in sizes):
        raise ValueError("the picture is not of the size that its header states")
    return max(1, width * height)


def _check_grid(payload: bytes, container: HeifContainer, item_id: int) -> None:
    """Check that a grid's tiles are all there; their sizes are checked tile by tile."""
    flags, rows, columns = struct.unpack_from(">xBBB", payload)
    size = struct.unpack_from(">II" if flags & 1 else ">HH", payload, 4)
    tiles = _tiles(container, item_id)
    if size != _size(container.items[item_id]) or len(tiles) != (rows + 1) * (columns + 1):
        raise ValueError("tiles of the picture are missing")
