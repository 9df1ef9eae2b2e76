"""What a file holds beside its picture is listed, whatever state the file is in."""

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from core.pictures import metadata
from core.pictures.heif import boxes
from tests import pictures
from tests.pictures import WAYS, decoded

PLAIN = pictures.file(pictures.quarters(), "jpeg")
XMP = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><rdf:Description exif:GPSLatitude='1'/></x:xmpmeta>"
DEPTH = "urn:mpeg:hevc:2015:auxid:2"
HDR = b"urn:com:apple:photo:2020:aux:hdrgainmap"


def jpeg(*segments: tuple[int, bytes], after: bytes = b"") -> bytes:
    made = b"".join(pictures.segment(marker, body) for marker, body in segments)
    return PLAIN[:2] + made + PLAIN[2:] + after


def exif_with_thumbnail() -> bytes:
    """An EXIF block of one tag, and the beginning of a second directory."""
    return b"Exif\0\0MM\0*" + struct.pack(">IHHHIII", 8, 1, 271, 2, 2, 0x41000000, 26) + struct.pack(">HI", 0, 0)


def png_text(key: str) -> bytes:
    notes = PngImagePlugin.PngInfo()
    notes.add_text(key, "SECRET")
    return pictures.file(pictures.quarters(), "png", pnginfo=notes)


def frames(form: str) -> bytes:
    images = [Image.fromarray(pictures.quarters()), Image.fromarray(pictures.quarters()[::-1].copy())]
    return pictures.file(images[0], form, save_all=True, append_images=images[1:])


def retagged_tiff(tag: int) -> bytes:
    """A TIFF with a tag that Pillow would write only with a directory of its own."""
    data = pictures.file(pictures.quarters(), "tiff", tiffinfo={33723: b"xxxx"})
    number = struct.pack("<H", 33723)
    assert data.count(number) == 1
    return data.replace(number, struct.pack("<H", tag))


def second_picture(*segments: tuple[int, bytes]) -> bytes:
    """Two JPEGs one after the other, the second with segments of its own."""
    return PLAIN + jpeg(*segments)


def heic(**options: Any) -> bytes:
    return pictures.file(pictures.quarters(300, 200), "heic", **WAYS["heic"], **options)


def heic_of_two() -> bytes:
    made = pillow_heif.HeifFile()
    for pixels in (pictures.quarters(), pictures.quarters()[::-1].copy()):
        made.add_from_pillow(Image.fromarray(pixels))
    out = BytesIO()
    made.save(out)
    return out.getvalue()


def with_auxiliary(urn: bytes) -> bytes:
    """An AVIF whose alpha plane claims to be something else."""
    pixels = np.dstack([pictures.quarters(), pictures.ramp(96, 64)])
    data = pictures.file(pixels, "avif", **WAYS["avif"])
    alpha = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
    assert data.count(alpha) == 1
    return data.replace(alpha, urn.ljust(len(alpha), b"\0"))


CASES: dict[str, tuple[bytes, set[str]]] = {
    "jpeg": (PLAIN, set()),
    "jpeg-icc": (pictures.file(pictures.quarters(), "jpeg", icc_profile=pictures.srgb_profile()), set()),
    "jpeg-cmyk": (pictures.whole_files()["jpeg-cmyk"], set()),
    "jpeg-exif": (pictures.file(pictures.quarters(), "jpeg", exif=pictures.exif(1)), {"exif", "gps"}),
    "jpeg-thumbnail": (jpeg((0xE1, exif_with_thumbnail())), {"exif", "thumbnail"}),
    "jpeg-broken-exif": (jpeg((0xE1, b"Exif\0\0rubbish")), {"exif"}),
    "jpeg-xmp": (jpeg((0xE1, XMP)), {"xmp", "gps"}),
    "jpeg-long-xmp": (jpeg((0xE1, b"http://ns.adobe.com/xmp/extension/\0more")), {"xmp"}),
    "jpeg-iptc": (jpeg((0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0")), {"iptc"}),
    "jpeg-photoshop": (jpeg((0xED, b"Photoshop 3.0\x008BIM\x04\x0c\0\0")), {"iptc", "thumbnail"}),
    "jpeg-comment": (pictures.file(pictures.quarters(), "jpeg", comment=b"SECRET"), {"comment"}),
    "jpeg-jfxx": (jpeg((0xE0, b"JFXX\0\x10")), {"thumbnail"}),
    "jpeg-other": (jpeg((0xEB, b"JP\0\0c2pa")), {"application_data"}),
    "jpeg-trailer": (PLAIN + b"SEFT", {"trailing_data"}),
    "jpeg-motion": (PLAIN + b"\0\0\0\x18ftypmp42" + bytes(5000), {"trailing_data"}),
    "jpeg-two": (second_picture(), {"mpf"}),
    "jpeg-mpf": (jpeg((0xE2, b"MPF\0MM\0*")), {"mpf"}),
    "jpeg-gain-map": (
        second_picture((0xE1, b"http://ns.adobe.com/xap/1.0/\0hdrgm:Version='1.0'")),
        {"mpf", "gain_map"},
    ),
    "jpeg-iso-gain-map": (second_picture((0xE2, b"urn:iso:std:iso:ts:21496:-1\0")), {"mpf", "gain_map"}),
    "jpeg-depth": (second_picture((0xE1, b"http://ns.adobe.com/xap/1.0/\0GDepth:Format")), {"mpf", "depth_map"}),
    "mpo": (
        pictures.file(pictures.quarters(), "mpo", save_all=True, append_images=[Image.fromarray(pictures.quarters())]),
        {"mpf"},
    ),
    "png": (pictures.file(pictures.quarters(), "png", icc_profile=pictures.srgb_profile()), set()),
    "png-exif": (pictures.file(pictures.quarters(), "png", exif=pictures.exif(1)), {"exif", "gps"}),
    "png-text": (png_text("Comment"), {"comment"}),
    "png-xmp": (png_text("XML:com.adobe.xmp"), {"xmp"}),
    "png-profile": (png_text("Raw profile type exif"), {"exif"}),
    "png-frames": (frames("png"), {"frames"}),
    "png-other": (pictures.png((1, 1), 8, 0, b"\0\0", pictures.chunk(b"caBX", b"x")), {"application_data"}),
    "png-time": (pictures.png((1, 1), 8, 0, b"\0\0", pictures.chunk(b"tIME", bytes(7))), {"comment"}),
    "png-trailer": (pictures.file(pictures.quarters(), "png") + b"x", {"trailing_data"}),
    "webp": (pictures.file(pictures.quarters(), "webp", icc_profile=pictures.srgb_profile()), set()),
    "webp-exif": (
        pictures.file(pictures.quarters(), "webp", exif=pictures.exif(1), xmp=b"<x/>"),
        {"exif", "gps", "xmp"},
    ),
    "webp-frames": (frames("webp"), {"frames"}),
    "webp-trailer": (pictures.file(pictures.quarters(), "webp") + b"x", {"trailing_data"}),
    "bmp": (pictures.file(pictures.quarters(), "bmp"), set()),
    "bmp-trailer": (pictures.file(pictures.quarters(), "bmp") + b"x", {"trailing_data"}),
    "tiff": (pictures.file(pictures.quarters(), "tiff", icc_profile=pictures.srgb_profile()), set()),
    "tiff-text": (pictures.file(pictures.quarters(), "tiff", exif=pictures.exif(1)), {"comment"}),
    "tiff-exif": (retagged_tiff(34665), {"exif"}),
    "tiff-gps": (retagged_tiff(34853), {"gps"}),
    "tiff-xmp": (pictures.file(pictures.quarters(), "tiff", tiffinfo={700: b"<x/>", 33723: b"x"}), {"xmp", "iptc"}),
    "tiff-pages": (frames("tiff"), {"pages"}),
    "heic": (heic(icc_profile=pictures.srgb_profile()), set()),
    "heic-tiles": (heic(tile_size=64), set()),
    "heic-alpha": (pictures.whole_files()["heic-alpha"], set()),
    "heic-exif": (heic(exif=pictures.exif(1), xmp=b"<x/>"), {"exif", "gps", "xmp"}),
    "heic-thumbnail": (heic(thumbnails=[64]), {"thumbnail"}),
    "heic-two": (heic_of_two(), {"pages"}),
    "avif-depth": (with_auxiliary(DEPTH.encode()), {"depth_map"}),
    "avif-gain-map": (with_auxiliary(HDR), {"gain_map"}),
    "avif-matte": (with_auxiliary(b"urn:com:apple:photo:2018:aux:matte"), {"auxiliary_picture"}),
    "heic-motion": (heic() + struct.pack(">I4s", 16, b"mpvd") + bytes(8), {"trailing_data"}),
    "heic-trailer": (heic() + b"SEFT", {"trailing_data"}),
    "avif": (pictures.file(pictures.quarters(), "avif", icc_profile=pictures.srgb_profile()), set()),
    "avif-exif": (
        pictures.file(pictures.quarters(), "avif", exif=pictures.exif(1), xmp=b"<x/>"),
        {"exif", "gps", "xmp"},
    ),
    "avif-frames": (frames("avif"), {"frames"}),
}


@pytest.mark.parametrize("kind", CASES)
def test_metadata_is_named(kind: str) -> None:
    data, names = CASES[kind]
    listed = metadata.list_names(data)
    assert set(listed) == names
    assert list(listed) == [name for name in metadata.NAMES if name in names]


@pytest.mark.parametrize("kind", [kind for kind in CASES if kind not in ("png-other", "png-time")])
def test_named_metadata_hides_no_picture(kind: str) -> None:
    """Each of these files is read: what it holds beside its picture does no harm."""
    picture = decoded(CASES[kind][0])
    assert set(picture.metadata) == CASES[kind][1]


@pytest.mark.parametrize("kind", ["avif-depth", "avif-gain-map", "avif-matte"])
def test_auxiliary_picture_is_no_alpha(kind: str) -> None:
    assert decoded(CASES[kind][0]).alpha is None


@pytest.mark.parametrize("kind", CASES)
@settings(max_examples=20)
@given(place=st.floats(0, 1, exclude_max=True), rubbish=st.binary(max_size=8), cut=st.booleans())
def test_damage_never_ends_in_an_error(kind: str, place: float, rubbish: bytes, cut: bool) -> None:
    data = CASES[kind][0]
    start = int(place * len(data))
    assert set(metadata.list_names(data[:start] + rubbish + (b"" if cut else data[start:]))) <= set(metadata.NAMES)


@pytest.mark.parametrize("data", [b"", b"GIF89a", bytes(1000), b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0"])
def test_no_picture_has_no_metadata(data: bytes) -> None:
    assert metadata.list_names(data) == ()


def test_box_of_a_brand_is_no_container() -> None:
    """A film begins like a HEIC."""
    film = struct.pack(">I4s4s4x", 16, b"ftyp", b"isom")
    assert metadata.list_names(film) == ()
    assert boxes.brands(film) == {b"isom"}
