"""HEIC and AVIF: the primary picture, whole and upright, and nothing else of the file."""

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from core.errors import ImageTooLarge, UndecodableImage, UnsupportedImage
from core.pictures import headers
from core.pictures.heif import boxes, stills
from core.pictures.heif.containers import HeifItem, HeifProperty
from tests import pictures
from tests.core.pictures.heif.files import BOTH, LIKE_HEVC, flat, resized
from tests.pictures import MANY, WAYS, decoded, furthest, rgb


def several(*shown: np.ndarray[Any, Any], **options: Any) -> bytes:
    """A HEIC of several pictures."""
    made = pillow_heif.HeifFile()
    for pixels in shown:
        made.add_from_pillow(Image.fromarray(pixels))
    out = BytesIO()
    made.save(out, **WAYS["heic"], **options)
    return out.getvalue()


@pytest.mark.parametrize("form", BOTH)
def test_exif_orientation_is_not_applied(form: str) -> None:
    """The container's own rotation counts (ISO/IEC 23008-12); phones write the same rotation in both."""
    block = Image.Exif()
    block[275] = 6  # stands in for tag 274, from which the writers make turns
    data = flat(form, exif=block)
    upright, turned = (struct.pack(">HHIH", tag, 3, 1, 6) for tag in (275, 274))
    assert data.count(upright) == 1
    picture = decoded(data.replace(upright, turned))
    assert furthest(rgb(picture), pictures.quarters()) <= LIKE_HEVC


@pytest.mark.parametrize("form", BOTH)
def test_pixel_limit_holds_before_decoding(form: str) -> None:
    with pytest.raises(ImageTooLarge):
        headers.probe(resized(flat(form), 60_000, 60_000), MANY)


@pytest.mark.parametrize("form", BOTH)
@pytest.mark.parametrize("size", [(90, 64), (96, 70), (64, 96)])
def test_size_that_is_a_little_off_is_refused(form: str, size: tuple[int, int]) -> None:
    with pytest.raises(UndecodableImage):
        decoded(resized(flat(form), *size))


def test_ten_bits_become_eight() -> None:
    ramp = np.dstack([np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (64, 1))] * 3)
    out = BytesIO()
    pillow_heif.from_bytes("RGB;16", (64, 64), ramp.tobytes()).save(out, quality=-1, chroma=444)
    data = out.getvalue()
    assert pillow_heif.open_heif(BytesIO(data), convert_hdr_to_8bit=False).info["bit_depth"] == 10
    assert furthest(rgb(decoded(data)), ramp >> 8) <= 2


@pytest.mark.parametrize("form", BOTH)
def test_alpha_is_kept(form: str) -> None:
    pixels = np.dstack([np.full((64, 64, 3), 200, np.uint8), pictures.ramp()])
    picture = decoded(pictures.file(pixels, form, **WAYS[form]))
    assert picture.alpha is not None
    assert furthest(picture.alpha, pictures.ramp()) <= 2
    assert picture.pixels[0, -1].tolist() == pytest.approx([200] * 3, abs=2)


@pytest.mark.parametrize("form", BOTH)
def test_profile_is_kept(form: str) -> None:
    assert decoded(flat(form, icc_profile=pictures.srgb_profile())).icc == pictures.srgb_profile()


def test_tiles_are_put_together() -> None:
    """As phones write them."""
    data = flat("heic", 300, 200, tile_size=64)
    still = stills.read(data)
    assert len(still.parts) == 1 + 5 * 4
    assert furthest(rgb(decoded(data)), pictures.quarters(300, 200)) <= LIKE_HEVC


def test_missing_tile_is_refused() -> None:
    data = flat("heic", 300, 200, tile_size=64)
    place = data.index(b"dimg") + 4
    source, count = struct.unpack_from(">HH", data, place)
    assert count == 20
    with pytest.raises(UndecodableImage):
        decoded(data[:place] + struct.pack(">HH", source, count - 1) + data[place + 4 :])


def test_crop_is_applied() -> None:
    """40 × 30 pixels whose middle lies 10 to the right of the picture's and 5 below."""
    item = HeifItem(b"hvc1")
    item.properties = [HeifProperty(b"clap", struct.pack(">IIIIiIiI", 40, 1, 30, 1, 10, 1, 5, 1))]
    assert stills.geometry(item, (96, 64))[0] == (38, 22, 78, 52)


@pytest.mark.parametrize(
    "numbers", [(40, 0, 30, 1, 0, 1, 0, 1), (0, 1, 30, 1, 0, 1, 0, 1), (40, 1, 30, 1, 5000, 1, 0, 1)]
)
def test_odd_crop_is_refused(numbers: tuple[int, ...]) -> None:
    item = HeifItem(b"hvc1", properties=[HeifProperty(b"clap", struct.pack(">IIIIiIiI", *numbers))])
    with pytest.raises(ValueError, match="crop"):
        stills.geometry(item, (96, 64))


def test_primary_picture_is_shown() -> None:
    first, second = pictures.quarters(), pictures.quarters()[::-1].copy()
    for index, expected in enumerate((first, second)):
        assert furthest(rgb(decoded(several(first, second, primary_index=index))), expected) <= LIKE_HEVC


def test_sequence_gives_its_first_picture() -> None:
    frames = [Image.fromarray(pictures.quarters(shade, 64)).resize((96, 64)) for shade in (96, 192)]
    frames[1] = frames[1].transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    data = pictures.file(frames[0], "avif", save_all=True, append_images=frames[1:], **WAYS["avif"])
    assert boxes.brands(data) & {b"avis"}
    assert furthest(rgb(decoded(data)), np.asarray(frames[0])) <= LIKE_HEVC


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_heic_with_blank_end_is_refused(share: float) -> None:
    """What a broken copy leaves; libde265 shows a grey rest without a warning."""
    data = pictures.file(pictures.astronaut(), "heic", quality=70)
    place = data.index(b"mdat") + int((len(data) - data.index(b"mdat")) * share)
    with pytest.raises(UndecodableImage):
        decoded(data[:place] + bytes(len(data) - place))


def test_data_of_another_part_cut_off_is_refused() -> None:
    data = several(pictures.quarters(), pictures.astronaut(), primary_index=0)
    assert decoded(data).pixels.shape == (64, 96, 3)
    with pytest.raises(UndecodableImage):
        decoded(data[:-1])


@pytest.mark.parametrize("kind", [b"j2k1", b"unci", b"jpeg", b"avc1", b"vvc1", b"iovl", b"iden"])
def test_other_coding_is_unsupported(kind: bytes) -> None:
    data = flat("heic")
    place = data.index(b"hvc1", data.index(b"infe"))
    with pytest.raises(UnsupportedImage):
        headers.probe(data[:place] + kind + data[place + 4 :], MANY)


@pytest.mark.parametrize("brand", [b"isom", b"mp42", b"qt  ", b"mif3"])
def test_other_brand_is_unsupported(brand: bytes) -> None:
    with pytest.raises(UnsupportedImage):
        headers.probe(struct.pack(">I4s4s4x4s", 20, b"ftyp", brand, brand) + bytes(100), MANY)


def test_unknown_essential_property_is_refused() -> None:
    data = flat("heic")
    place = data.index(b"hvcC")
    assert decoded(data.replace(b"pixi", b"xxxx")).pixels.shape == (64, 96, 3)
    changed = data.replace(b"pixi", b"xxxx")
    box = changed.index(b"ipma")
    assert place < box
    associations = bytearray(changed[box : box + 40])
    at = 4 + 4 + 4 + 2 + 1  # the kind, the version and flags, the entries, the item, its properties
    for number in range(associations[at - 1]):
        associations[at + number] |= 0x80
    with pytest.raises(UndecodableImage):
        decoded(changed[:box] + bytes(associations) + changed[box + 40 :])


@pytest.mark.parametrize("form", BOTH)
def test_part_in_another_file_is_refused(form: str) -> None:
    data = flat(form)
    place = data.index(b"iloc")
    # of version 0: the sizes, the count, the item, and then where its data are
    assert data[place + 4] == 0
    at = place + 4 + 4 + 2 + 2 + 2
    with pytest.raises(UndecodableImage):
        decoded(data[:at] + b"\0\1" + data[at + 2 :])
