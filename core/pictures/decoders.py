"""Decode a file to pixels, complete or not at all: one decoder for each format.

A decoder that only warns where data are missing returns half a picture, and the missing half can hide a face. So JPEG
and TIFF have modules of their own, HEIC is decoded by libheif, and the other formats by Pillow, which is strict about
them; and each decoder gets only those parts of the file that hold pixels.
"""

import struct
import zlib
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import AvifImagePlugin
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from core.errors import UndecodableImage
from core.pictures import headers, jpegs, rasters, tiff_decoder
from core.pictures.heif import plain_files, stills
from core.pictures.rasters import Pixels, Raster

# Pillow decodes run-length BMPs in Python: slow enough for a time bomb.
MAX_RLE_BYTES, MAX_RLE_PIXELS = 4 * 2**20, 8_000_000


def decode_jpeg(data: bytes, reduction: int = 1) -> Raster:
    """Decode JPEG; of an MPO, the first picture. reduction: as for `jpegs.decode`."""
    pixels, space = jpegs.decode(data, reduction)
    if space in ("CMYK", "YCCK"):
        return rasters.from_cmyk(np.asarray(cv2.bitwise_not(pixels), np.uint8), headers.read(data).profile)
    return Raster(pixels, coloured=space != "Gray")


def decode_png(data: bytes) -> Raster:
    """Decode PNG; of an animation, its default picture. A wrong checksum of a chunk that holds pixels is an error."""
    chunks, key = [headers.PNG_SIGNATURE], b""
    for name, start, end in headers.chunks(data):
        if name not in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            continue
        if zlib.crc32(data[start - 4 : end]) != int.from_bytes(data[end : end + 4]):
            raise UndecodableImage("a checksum of the PNG is wrong")
        if name == b"IHDR":
            if len(chunks) > 1:
                raise UndecodableImage("the PNG has a second header")
            depth, kind = data[start + 8 : start + 10]
        if name == b"tRNS" and kind != 3:
            key = data[start:end]  # Pillow misreads it where samples have not 8 bits
            continue
        chunks.append(data[start - 8 : end + 4])
    clean = b"".join(chunks)
    raster = rasters.from_pillow(PngImageFile(BytesIO(clean)))
    if not key or raster.alpha is not None:
        return raster
    return Raster(raster.bgr, _alpha_of_key(clean, raster.bgr, key, depth), raster.coloured)


def _alpha_of_key(png: bytes, bgr: Pixels, key: bytes, depth: int) -> Pixels:
    """Return the alpha plane of a PNG of which one colour is transparent.

    key: that colour as 16-bit samples, one for grey or red, green, blue; depth: the bits of the file's samples.
    """
    if len(key) not in (2, 6):
        raise UndecodableImage("the transparent colour of the PNG is broken")
    colour = np.array(struct.unpack(f">{len(key) // 2}H", key)[::-1])
    samples: NDArray[np.generic] = bgr
    if depth == 16:
        # In 8 bits the colour could not be distinguished from its neighbours.
        samples = np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED))
    else:
        colour = colour * 255 // (2**depth - 1)
    keyed = (samples.reshape(*bgr.shape[:2], -1) == colour).all(axis=2)
    return np.where(keyed, 0, 255).astype(np.uint8)


def decode_webp(data: bytes) -> Raster:
    """Decode WebP; of an animation, the first frame."""
    for _ in headers.riff_chunks(data):
        pass  # each chunk is complete
    return rasters.from_pillow(WebPImageFile(BytesIO(data)))


def decode_bmp(data: bytes) -> Raster:
    """Decode BMP. An alpha channel of zeros only is what many programs write for an opaque picture."""
    image = BmpImageFile(BytesIO(data))
    if image.tile[0][0] == "bmp_rle" and (len(data) > MAX_RLE_BYTES or image.width * image.height > MAX_RLE_PIXELS):
        raise UndecodableImage("run-length BMPs are read up to 8 million pixels and 4 MiB")
    raster = rasters.from_pillow(image)
    empty = raster.alpha is not None and not raster.alpha.any()
    return Raster(raster.bgr, None, raster.coloured) if empty else raster


def decode_heic(data: bytes) -> Raster:
    """Decode the primary picture of a HEIC; libheif's own limits hold too."""
    import pillow_heif  # absent from some installations where HEIC is switched off

    still = stills.read(data)
    pillow_heif.options.DECODE_THREADS = 1  # a worker has a process for each CPU
    file = BytesIO(plain_files.make(data, still))
    image = pillow_heif.open_heif(file, bgr_mode=True)
    if image.mode == "BGR":
        return _crop(Raster(np.asarray(image)), still)  # libheif's own memory: through Pillow's it takes twice as much
    return _crop(rasters.from_pillow(pillow_heif.open_heif(file).to_pillow()), still)


def decode_avif(data: bytes) -> Raster:
    """Decode the primary picture of an AVIF; of a sequence, the still that represents it."""
    still = stills.read(data)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    return _crop(rasters.from_pillow(AvifImageFile(BytesIO(plain_files.make(data, still)))), still)


def _crop(raster: Raster, still: stills.Still) -> Raster:
    if raster.bgr.shape[1::-1] != still.size:
        raise UndecodableImage("the picture is not of the size that its header states")
    left, top, right, bottom = still.crop
    alpha = None if raster.alpha is None else np.ascontiguousarray(raster.alpha[top:bottom, left:right])
    return Raster(np.ascontiguousarray(raster.bgr[top:bottom, left:right]), alpha, raster.coloured)


DECODERS = {
    "jpeg": decode_jpeg,
    "png": decode_png,
    "webp": decode_webp,
    "bmp": decode_bmp,
    "tiff": tiff_decoder.decode,
    "heic": decode_heic,
    "avif": decode_avif,
}
