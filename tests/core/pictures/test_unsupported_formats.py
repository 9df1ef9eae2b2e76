"""Files that are not read: raw photographs are never their thumbnails, and the words help whoever sent them."""

import base64
import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from core.errors import UndecodableImage, UnsupportedImage
from core.pictures import headers, images
from tests import pictures
from tests.core.pictures.tiff_files import TiffPage, tiff
from tests.pictures import MANY, decoded, furthest, rgb

SMALL, LARGE = pictures.quarters(8, 8).astype(np.int64), pictures.quarters(96, 64).astype(np.int64)
REDUCED, OLD_TYPE, DNG_VERSION, CFA, LINEAR_RAW = {254: (1,)}, 255, 50706, 32803, 34892
PICTURE = TiffPage(LARGE, photometric=2)


def thumbnail(**changes: object) -> TiffPage:
    return TiffPage(SMALL, photometric=2, **{"tags": REDUCED, **changes})  # type: ignore[arg-type]  # fields of it


def mosaic(photometric: int = CFA) -> TiffPage:
    return TiffPage(LARGE[:, :, :1] * 16, 12, photometric)


RAW = {
    "nef": tiff(thumbnail(nested=(TiffPage(LARGE, photometric=2, tags=REDUCED), mosaic()))),
    "dng": tiff(thumbnail(nested=(mosaic(),), tags={**REDUCED, DNG_VERSION: (1, 4)}), order=">"),
    "linear dng": tiff(thumbnail(nested=(TiffPage(LARGE, photometric=LINEAR_RAW),))),
    "unmarked thumbnail": tiff(thumbnail(nested=(mosaic(),), tags={})),
    "following page": tiff(thumbnail(), mosaic()),
    "third page": tiff(TiffPage(LARGE, photometric=2), thumbnail(), mosaic()),
    "nested twice": tiff(thumbnail(nested=(TiffPage(LARGE, photometric=2, nested=(mosaic(),)),))),
    "pure": tiff(mosaic()),
    "cr2": b"II*\0\x10\0\0\0CR\x02\0" + bytes(4) + struct.pack("<HHHIIHHII", 2, 256, 4, 1, 8, 257, 4, 1, 8) + bytes(4),
}
MAGIC = [b"IIRO\x08\0\0\0", b"IIU\0\x08\0\0\0", b"FUJIFILMCCD-RAW 0201", b"FOVb", b"\0MRM", b"\0\0\0\x18ftypcrx isom"]


@pytest.mark.parametrize("data", [*RAW.values(), *MAGIC], ids=[*RAW, *(str(magic[:16]) for magic in MAGIC)])
def test_raw_photograph_is_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedImage, match="raw photographs are not read"):
        images.decode(data + bytes(64), MANY)


@pytest.mark.parametrize("kind", [kind for kind in RAW if kind not in ("pure", "cr2")])
def test_cut_raw_photograph_is_never_read(kind: str) -> None:
    for size in range(8, len(RAW[kind])):
        with pytest.raises((UnsupportedImage, UndecodableImage)):
            decoded(RAW[kind][:size])


def test_thumbnail_of_another_page_is_unsupported() -> None:
    for data in (
        tiff(thumbnail(), PICTURE),
        tiff(thumbnail(tags={OLD_TYPE: (2,)}), PICTURE),
        tiff(thumbnail(nested=(PICTURE,))),
        tiff(thumbnail(nested=(PICTURE,), tags={})),
    ):
        with pytest.raises(UnsupportedImage, match="thumbnail"):
            decoded(data)


def test_pages_that_are_no_thumbnails_are_read() -> None:
    pyramid = TiffPage(LARGE, photometric=2, nested=(thumbnail(),))
    for data in (tiff(PICTURE, thumbnail()), tiff(pyramid), tiff(TiffPage(LARGE, photometric=2, tags=REDUCED))):
        assert furthest(rgb(decoded(data)), LARGE) == 0
    assert furthest(rgb(decoded(tiff(TiffPage(SMALL, photometric=2), PICTURE))), SMALL) == 0  # a document's pages


def test_endless_directories_end() -> None:
    data = bytearray(tiff(PICTURE, PICTURE))
    first = struct.unpack_from("<I", data, 4)[0]
    data[-4:] = struct.pack("<I", first)
    assert furthest(rgb(decoded(bytes(data))), LARGE) == 0


@pytest.mark.parametrize("magic", [b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0"])
def test_big_tiff_is_called_by_its_name(magic: bytes) -> None:
    with pytest.raises(UnsupportedImage, match="BigTIFF"):
        headers.probe(magic + bytes(200), MANY)


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "tiff", "bmp", "heic"])
def test_encoded_file_is_called_by_its_name(form: str) -> None:
    data = pictures.file(pictures.quarters(), form)
    text = base64.b64encode(data)
    wrapped, safe = base64.encodebytes(data), base64.urlsafe_b64encode(data)
    for sent, words in (
        (text, "base64"),
        (wrapped, "base64"),
        (safe, "base64"),
        (b"\r\n" + text, "base64"),
        (b"data:image/" + form.encode() + b";base64," + text, "data: URL"),
        (gzip.compress(data), "gzip"),
    ):
        with pytest.raises(UnsupportedImage, match=words):
            headers.probe(sent, MANY)


@pytest.mark.parametrize(
    ("begins", "name"),
    [
        (b"GIF89a", "GIF"),
        (b"%PDF-1.7", "PDF"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"\0\0\0\x18ftypisom\0\0\2\0isomiso2", "video"),
        (b"\0\0\0\x14ftypqt  \0\0\2\0qt  ", "video"),
        (b"\x1aE\xdf\xa3", "video"),
        (b"\xff\x0a", "JPEG XL"),
        (b"8BPS", "PSD"),
        (b"PK\x03\x04", "ZIP"),
    ],
)
def test_other_format_is_called_by_its_name(begins: bytes, name: str) -> None:
    with pytest.raises(UnsupportedImage, match=f"format is {name}, none of JPEG"):
        headers.probe(begins + bytes(200), MANY)


def test_other_text_is_no_base64() -> None:
    for sent in (b"A" * 200, b"hello", b"<html>" * 40, b"/9j/"):
        with pytest.raises(UnsupportedImage, match="none of JPEG"):
            headers.probe(sent, MANY)


def test_real_raw_photograph_is_unsupported(shared_data: Path) -> None:
    with pytest.raises(UnsupportedImage, match="raw"):
        decoded((shared_data / "cases" / "raw-dng-thumbnail-first.dng").read_bytes())
