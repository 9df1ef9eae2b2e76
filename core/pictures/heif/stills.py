"""The one picture of a HEIF or AVIF file: how large it is, which way up, and a plain file that holds nothing else.

A decoder is never given the file itself: previews, depth maps, gain maps, sequences and metadata stay behind, and so do
turning and cropping, which each decoder does in its own way. Errors are ValueError, KeyError, IndexError and
struct.error; UnsupportedImage for a file that is neither HEIC nor AVIF.
"""

import struct
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from core.errors import UnsupportedImage
from core.pictures.heif import bitstreams, boxes
from core.pictures.heif.boxes import HeifContainer, HeifItem, HeifProperty

Codec = Literal["heic", "avif"]
Crop = tuple[int, int, int, int]

# Brands of stills and of sequences that may have a still (ISO/IEC 23008-12, annex B and 10; AVIF 1.1, section 8).
BRANDS = {b"mif1", b"msf1", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"avif", b"avis"}
CODECS: dict[bytes, Codec] = {b"hvc1": "heic", b"av01": "avif"}
ALPHAS = {b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1"}
# What pixels depend on; and what is known beside that. An essential property of another kind changes how they look.
NEEDED = {b"ispe", b"hvcC", b"av1C", b"pixi", b"auxC"}
KNOWN = NEEDED | {b"colr", b"clap", b"irot", b"imir", b"pasp"}
MAX_ITEMS = 1000  # libheif's own limit
HEVC_SLACK = 64  # such a picture ends at a whole block
# Pixels of all that is decoded for one picture: tiles that reach over its edge, alpha, and the same again.
MAX_DECODED, MAX_EXTRA = 4, 2**24
# EXIF's orientation of a picture that is first mirrored, left to right, and then turned clockwise so many quarters.
ORIENTATIONS = {(0, 0): 1, (1, 0): 2, (0, 2): 3, (1, 2): 4, (1, 3): 5, (0, 1): 6, (1, 1): 7, (0, 3): 8}


@dataclass(frozen=True)
class Still:
    """The primary picture. size: (width, height) as it is coded; crop: left, top, right, bottom of what is shown of it.

    orientation: as EXIF's, of what is shown; parts: the picture, its tiles, and the same of its alpha.
    """

    codec: Codec
    size: tuple[int, int]
    crop: Crop
    orientation: int
    profile: bytes
    container: HeifContainer
    parts: list[int]


def read(data: bytes) -> Still:
    """Find the picture of a file; whether it is whole, and of that size, shows later."""
    brands = boxes.brands(data)
    if not brands & BRANDS:
        raise UnsupportedImage("the file is neither HEIC nor AVIF")
    found = boxes.read(data)
    parts = _parts(found)
    codec = _codec(found)
    size = _size(found.items[found.primary])
    crop, orientation = geometry(found.items[found.primary], size)
    return Still(codec, size, crop, orientation, _profile(found, parts), found, parts)


def plain(data: bytes, still: Still) -> bytes:
    """Make a file of the picture as it is coded, with its alpha, and of nothing else.

    ValueError for a picture that is not whole, or larger than its header states.
    """
    _judge(data, still)
    found, number = still.container, {old: new for new, old in enumerate(still.parts, 1)}
    properties: list[HeifProperty] = []
    infos, associations, references, payloads = [], [], [], []
    for old in still.parts:
        item = found.items[old]
        kept = [one for one in item.properties if _is_needed(one)]
        properties += [one for one in kept if one not in properties]
        told = [int(one.essential) << 15 | properties.index(one) + 1 for one in kept]
        associations.append(struct.pack(f">HB{len(told)}H", number[old], len(told), *told))
        infos.append(_box(b"infe", struct.pack(">IHH4sB", 0x02000000, number[old], 0, item.kind, 0)))
        payloads.append(_payload(data, found, old))
    for one in found.references:
        targets = [number[target] for target in one.targets if target in number]
        if one.kind in (b"dimg", b"auxl", b"prem") and one.source in number and targets:
            sizes = f">HH{len(targets)}H"
            references.append(_box(one.kind, struct.pack(sizes, number[one.source], len(targets), *targets)))
    brand = b"heic" if still.codec == "heic" else b"avif"
    meta = [
        _box(b"hdlr", struct.pack(">II4s13x", 0, 0, b"pict")),
        _box(b"pitm", struct.pack(">IH", 0, number[found.primary])),
        _box(b"iinf", struct.pack(">IH", 0, len(infos)), *infos),
        *([_box(b"iref", bytes(4), *references)] if references else []),
        _box(
            b"iprp",
            _box(b"ipco", *[_box(one.kind, one.body) for one in properties]),
            _box(b"ipma", struct.pack(">II", 1, len(associations)), *associations),
        ),
    ]
    return _file(_box(b"ftyp", brand, bytes(4), b"mif1", b"miaf", brand), meta, payloads)


def _file(start: bytes, meta: list[bytes], payloads: list[bytes]) -> bytes:
    """Put a file together; its `iloc` has the same size wherever the payloads lie."""
    entries = b""
    for _ in range(2):  # first to learn where the payloads begin
        place = len(start) + len(_box(b"meta", bytes(4), *meta, _places(entries or bytes(14 * len(payloads))))) + 8
        entries = b""
        for number, payload in enumerate(payloads, 1):
            entries += struct.pack(">HHHII", number, 0, 1, place, len(payload))
            place += len(payload)
    return start + _box(b"meta", bytes(4), *meta, _places(entries)) + _box(b"mdat", *payloads)


def _places(entries: bytes) -> bytes:
    return _box(b"iloc", struct.pack(">IHH", 0, 0x4400, len(entries) // 14), entries)


def _box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _parts(found: HeifContainer) -> list[int]:
    """List the items that pixels come from: the picture and its tiles, then their alpha planes."""
    colour = [found.primary, *dict.fromkeys(_tiles(found, found.primary))]
    others = dict.fromkeys(number for part in colour for number in found.sources(b"auxl", part))
    alphas = [number for number in others if _is_alpha(found.items[number])]
    tiles = [tile for number in alphas for tile in _tiles(found, number)]
    parts = list(dict.fromkeys([*colour, *alphas, *tiles]))
    if len(parts) > MAX_ITEMS:
        raise ValueError("the picture has too many parts")
    return parts


def _tiles(found: HeifContainer, number: int) -> tuple[int, ...]:
    return found.targets(b"dimg", number) if found.items[number].kind == b"grid" else ()


def _is_alpha(item: HeifItem) -> bool:
    return any(one.kind == b"auxC" and auxiliary(one) in ALPHAS for one in item.properties)


def auxiliary(one: HeifProperty) -> bytes:
    """Return what an `auxC` says its picture is: a URN."""
    return one.body[4:].split(b"\0")[0]


def _is_needed(one: HeifProperty) -> bool:
    return one.kind in NEEDED or (one.kind == b"colr" and one.body[:4] == b"nclx")


def _codec(found: HeifContainer) -> Codec:
    tiles = _tiles(found, found.primary)
    kind = found.items[tiles[0] if tiles else found.primary].kind
    if kind not in CODECS:
        raise UnsupportedImage("the file's picture is coded neither in HEVC nor in AV1")
    return CODECS[kind]


def _size(item: HeifItem) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", item.first(b"ispe"), 4)
    return width, height


def _judge(data: bytes, still: Still) -> None:
    """See that every part is whole, and that decoding all of them is in proportion to the picture."""
    tiles = Counter(tile for number in still.parts for tile in _tiles(still.container, number))
    budget = MAX_DECODED * still.size[0] * still.size[1] + MAX_EXTRA
    for number in still.parts:
        # A tile that stands in several places is decoded for each of them.
        budget -= _decoded_pixels(data, still.container, number) * max(1, tiles[number])
        if budget < 0:
            raise ValueError("the parts of the picture are larger than it")


def _decoded_pixels(data: bytes, found: HeifContainer, number: int) -> int:
    """Return how many pixels decoding a part gives; ValueError for a part that is not whole or lies about its size."""
    item = found.items[number]
    if any(one.essential and one.kind not in KNOWN for one in item.properties):
        raise ValueError("the picture needs what is not known here")
    width, height = _size(item)
    payload = found.payload(data, number)
    if item.kind == b"grid":
        _judge_grid(payload, found, number)
        return 0
    if item.kind == b"hvc1":
        bitstreams.hevc_slices(payload, item.first(b"hvcC"))
        sizes, slack = bitstreams.hevc_sizes(item.first(b"hvcC")), HEVC_SLACK
    elif item.kind == b"av01":
        sizes, slack = [*bitstreams.av1_sizes(payload), *bitstreams.sequence_sizes(item.first(b"av1C")[4:])], 1
    else:
        raise ValueError("a part of the picture is of another kind")
    if not sizes or not all(0 <= wide - width < slack and 0 <= high - height < slack for wide, high in sizes):
        raise ValueError("the picture is not of the size that its header states")
    return max(1, width * height)


def _judge_grid(payload: bytes, found: HeifContainer, number: int) -> None:
    """See that a grid's tiles are all there; which size they have is judged tile by tile."""
    flags, rows, columns = struct.unpack_from(">xBBB", payload)
    size = struct.unpack_from(">II" if flags & 1 else ">HH", payload, 4)
    tiles = _tiles(found, number)
    if size != _size(found.items[number]) or len(tiles) != (rows + 1) * (columns + 1):
        raise ValueError("tiles of the picture are missing")


def _payload(data: bytes, found: HeifContainer, number: int) -> bytes:
    item = found.items[number]
    payload = found.payload(data, number)
    return bitstreams.hevc_slices(payload, item.first(b"hvcC")) if item.kind == b"hvc1" else payload


def _profile(found: HeifContainer, parts: list[int]) -> bytes:
    every = [one for number in parts for one in found.items[number].properties]
    return next((one.body[4:] for one in every if one.kind == b"colr" and one.body[:4] in (b"prof", b"rICC")), b"")


def geometry(item: HeifItem, size: tuple[int, int]) -> tuple[Crop, int]:
    """Return what is shown of a picture, and how it is turned then: crop, turn, mirror, in the order that is told."""
    crop, mirrored, quarters, turned = (0, 0, *size), 0, 0, False
    for one in item.properties:
        if one.kind == b"clap":
            if turned or crop != (0, 0, *size):
                raise ValueError("the picture is cropped after it is turned, or twice")
            crop = _crop(one.body, size)
        elif one.kind == b"irot":  # anticlockwise
            quarters, turned = (quarters - (one.body[0] & 3)) % 4, True
        elif one.kind == b"imir":  # 0: the top and the bottom change places; 1: the left and the right
            mirrored, turned = 1 - mirrored, True
            quarters = ((0 if one.body[0] & 1 else 2) - quarters) % 4
    return crop, ORIENTATIONS[mirrored, quarters]


def _crop(body: bytes, size: tuple[int, int]) -> Crop:
    """Read a clean aperture (ISO/IEC 14496-12, 12.1.4): a size, and how far its middle is from the picture's."""
    numbers = struct.unpack_from(">IIIIiIiI", body)
    if 0 in numbers[1::2]:
        raise ValueError("the crop of the picture has no size")
    wide, high, across, down = (Fraction(*numbers[at : at + 2]) for at in (0, 2, 4, 6))
    edges = []
    for length, kept, offset in ((size[0], wide, across), (size[1], high, down)):
        start = max(0, round(Fraction(length) / 2 + offset - kept / 2))
        edges.append((start, min(length, start + round(kept))))
    (left, right), (top, bottom) = edges
    if left >= right or top >= bottom:
        raise ValueError("the crop of the picture is empty")
    return left, top, right, bottom
