"""Decode and encode pictures: `decode` reads upright pixels, `encode` writes pixels, no metadata."""

import struct
import zlib
from dataclasses import dataclass, replace
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.contract.options import OutputFormat
from core.errors import UndecodableImage, UnencodableImage
from core.pictures import decoders, headers, jpegs, metadata
from core.pictures.headers import ImageHeader

Pixels = NDArray[np.uint8]

MAX_ICC_BYTES = 2**20  # chosen: the largest profiles of cameras and screens are near it
ICC_SEGMENT_BYTES = 65_519  # bytes of a profile that a segment of a JPEG holds (ICC.1, annex B.4)
JFIF_BYTES = 64  # chosen: more than the start marker and the JFIF segment, which come first
# Longest side that each format can hold: libwebp's, libjpeg's and libpng's own limits.
MAX_SIDE: dict[OutputFormat, int] = {"webp": 16383, "jpeg": 65500, "png": 1_000_000}
# EXIF's orientations (EXIF 2.32, tag 274) as a swap of the axes, then a flip: 0 upside down, 1 sideways, -1 both.
ORIENTATIONS: dict[int, tuple[bool, int | None]] = {
    1: (False, None),
    2: (False, 1),
    3: (False, -1),
    4: (False, 0),
    5: (True, None),
    6: (True, 1),
    7: (True, -1),
    8: (True, 0),
}


@dataclass(frozen=True)
class Reduction:
    """How reduced pixels lie in their picture. size: (width, height) of that picture; factor: its pixels for one here.

    origin: where in that picture the first of them begins, (x, y): up to a factor outside of it, where the sides are no
    multiples of the factor and the picture was turned.
    """

    size: tuple[int, int]
    factor: int
    origin: tuple[int, int]


@dataclass(frozen=True)
class DecodedImage:
    """An upright picture. pixels: uint8 BGR, (height, width, 3), contiguous, 0 wherever alpha is 0.

    alpha: uint8 (height, width), or None where all is opaque. icc: the RGB profile that describes the pixels, or None.
    metadata: what else the file held, by name, of which nothing is here. reduction: None where the pixels are all.
    doubtful_orientation: EXIF's, by which some viewers would turn these pixels once more; 1 where none does.
    wraps: whether the right edge continues at the left one, as in 360° panoramas.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    icc: bytes | None = None
    metadata: tuple[str, ...] = ()
    reduction: Reduction | None = None
    doubtful_orientation: int = 1
    wraps: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture, reduced or not."""
        return (self.pixels.shape[1], self.pixels.shape[0]) if self.reduction is None else self.reduction.size


def decode(data: bytes, max_pixels: int, least_side: int | None = None) -> DecodedImage:
    """Decode a picture, complete and upright: the errors of `probe`, and UndecodableImage for a cut or damaged one.

    least_side: pixels that suffice for the longer side; a larger JPEG is then reduced, as far as it can be for nothing.
    """
    header = headers.probe(data, max_pixels)
    factor = 1 if least_side is None or header.format != "jpeg" else jpegs.reduction(*header.size, least_side)
    try:
        raster = decoders.decode_jpeg(data, factor) if factor > 1 else decoders.DECODERS[header.format](data)
        icc = read_profile(header) if raster.coloured else None
    except UndecodableImage:
        raise
    # Whatever a decoder raises on a hostile file, MemoryError too, ends here.
    except Exception as error:
        raise UndecodableImage("the file is cut off or damaged: send it whole, or save it anew") from error
    pixels, alpha = upright(raster.bgr, header.orientation), raster.alpha
    if pixels.shape[1::-1] != (-(-header.width // factor), -(-header.height // factor)):
        raise UndecodableImage("the picture is not of the size that its header states")
    names = metadata.list_names(data)
    doubtful = header.doubtful_orientation
    wraps = metadata.is_equirectangular(data, header.width, header.height)
    if alpha is None or alpha.min() == 255:
        reduction = None if factor == 1 else _reduction(header, factor)
        return DecodedImage(pixels, None, icc, names, reduction, doubtful, wraps)
    alpha = upright(alpha, header.orientation)
    return DecodedImage(blacken_transparent(pixels, alpha), alpha, icc, names, None, doubtful, wraps)


def _reduction(header: ImageHeader, factor: int) -> Reduction:
    """A stored picture's last block reaches over its right and lower edge; flipped, over the left and upper one."""
    flip = ORIENTATIONS[header.orientation][1]
    left = -(-header.width % factor) if flip in (1, -1) else 0
    top = -(-header.height % factor) if flip in (0, -1) else 0
    return Reduction(header.size, factor, (left, top))


def read_profile(header: ImageHeader) -> bytes | None:
    """Return the header's ICC profile if it is a valid one for RGB, of at most 1 MiB, cut to the size it states."""
    profile = header.profile
    if header.format == "png":
        inflate = zlib.decompressobj()
        profile = inflate.decompress(profile.partition(b"\0")[2][1:], MAX_ICC_BYTES + 1)
    size = int.from_bytes(profile[:4])
    valid = 128 <= size <= min(len(profile), MAX_ICC_BYTES) and profile[36:40] == b"acsp"
    return profile[:size] if valid and profile[16:20] == b"RGB " else None


def upright(plane: Pixels, orientation: int) -> Pixels:
    """Rotate and flip a picture, or one plane of it, by EXIF's orientation (1 to 8)."""
    swapped, flip = ORIENTATIONS[orientation]
    rotated = cv2.transpose(plane) if swapped else plane
    return np.ascontiguousarray(rotated if flip is None else cv2.flip(rotated, flip), np.uint8)


def turned(picture: DecodedImage, orientation: int) -> DecodedImage:
    """Rotate and flip a whole picture by EXIF's orientation."""
    alpha = None if picture.alpha is None else upright(picture.alpha, orientation)
    return replace(picture, pixels=upright(picture.pixels, orientation), alpha=alpha, doubtful_orientation=1)


def turned_back(point: tuple[float, float], size: tuple[int, int], orientation: int) -> tuple[float, float]:
    """Return where a point (x, y) of a turned picture was before. size: (width, height) of the turned one."""
    swapped, flip = ORIENTATIONS[orientation]
    x = size[0] - point[0] if flip in (1, -1) else point[0]
    y = size[1] - point[1] if flip in (0, -1) else point[1]
    return (y, x) if swapped else (x, y)


def blacken_transparent(pixels: Pixels, alpha: Pixels) -> Pixels:
    """Blacken the pixels under alpha 0: nobody sees them, and a face can hide there."""
    return np.asarray(cv2.bitwise_and(pixels, pixels, mask=alpha), np.uint8)


def flatten(picture: DecodedImage) -> Pixels:
    """Composite a picture on white; an opaque one's own pixels, not a copy."""
    return _composite_on_white(picture.pixels, picture.alpha)


def _composite_on_white(pixels: Pixels, alpha: Pixels | None) -> Pixels:
    if alpha is None:
        return pixels
    weight = cv2.cvtColor(alpha, cv2.COLOR_GRAY2BGR)
    weighted = cv2.multiply(pixels, weight, scale=1 / 255)
    return np.asarray(cv2.add(weighted, cv2.bitwise_not(weight)), np.uint8)


def encode(pixels: Pixels, alpha: Pixels | None, icc: bytes | None, format: OutputFormat, quality: int) -> bytes:
    """Write pixels (and the ICC profile) as jpeg (alpha composited on white), png or webp (100: lossless).

    pixels, alpha: as in DecodedImage. quality: 1 to 100, ignored by png. UnencodableImage for a side that is too long.
    """
    height, width = pixels.shape[:2]
    if max(width, height) > MAX_SIDE[format]:
        fitting = next((name for name, side in MAX_SIDE.items() if max(width, height) <= side), "no format")
        raise UnencodableImage(
            f"{format} holds at most {MAX_SIDE[format]} pixels a side, not {width} × {height}; {fitting} fits"
        )
    if format == "jpeg":
        return _encode_jpeg(_composite_on_white(pixels, alpha), icc, quality)
    if alpha is not None:
        pixels = np.dstack([blacken_transparent(pixels, alpha), alpha])
    if format == "png":
        return _encode_png(pixels, icc)
    return _encode_webp(pixels, icc, quality)


def _encode_jpeg(pixels: Pixels, icc: bytes | None, quality: int) -> bytes:
    """pixels: BGR. The profile is inserted here: OpenCV writes one of a single segment only."""
    written, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not written:
        raise UnencodableImage
    chunks = [icc[start : start + ICC_SEGMENT_BYTES] for start in range(0, len(icc), ICC_SEGMENT_BYTES)] if icc else []
    bodies = [b"ICC_PROFILE\0" + bytes([n, len(chunks)]) + chunk for n, chunk in enumerate(chunks, 1)]
    profile = b"".join(b"\xff\xe2" + struct.pack(">H", 2 + len(body)) + body for body in bodies)
    jfif_end = next(headers.segments(encoded[:JFIF_BYTES].tobytes()))[2]
    # The one copy: of megabytes each counts.
    return b"".join([encoded[:jfif_end].data, profile, encoded[jfif_end:].data])


def _encode_png(pixels: Pixels, icc: bytes | None) -> bytes:
    """pixels: BGR or BGRA."""
    kinds, blocks = [], []
    if icc is not None:
        kinds, blocks = [int(cv2.IMAGE_METADATA_ICCP)], [np.frombuffer(icc, np.uint8).reshape(1, -1)]
    written, encoded = cv2.imencodeWithMetadata(".png", pixels, kinds, blocks)
    if not written:
        raise UnencodableImage
    return encoded.tobytes()


def _encode_webp(pixels: Pixels, icc: bytes | None, quality: int) -> bytes:
    """pixels: BGR or BGRA. Through Pillow, because OpenCV doesn't expose libwebp's effort.

    measured: method 2 writes as few bytes as the usual 4 in half the time; lossless, effort 0 takes a fourth of the
    time of effort 1 for 5 to 25 % more bytes.
    """
    swap = cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB
    out = BytesIO()
    lossless = quality == 100
    effort = {"quality": 0, "method": 0} if lossless else {"quality": quality, "method": 2}
    image = Image.fromarray(np.asarray(cv2.cvtColor(pixels, swap), np.uint8))
    image.save(out, "WEBP", lossless=lossless, icc_profile=icc, **effort)
    return out.getvalue()
