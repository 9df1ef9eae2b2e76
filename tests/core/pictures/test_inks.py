"""CMYK with a profile shows the colours that the profile states; with none, or a broken one, light minus ink."""

import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from core.pictures import images
from tests import pictures
from tests.pictures import LIKE_JPEG, decoded, furthest, rgb

RELATIVE = ImageCms.Intent.RELATIVE_COLORIMETRIC
# Lab of each ink alone and of paper, as offset prints them (ISO 12647-2, rounded).
PAPER, INKS = (95, 0, -2), ((55, -37, -50), (48, 74, -3), (89, -5, 93), (16, 0, 0))
CYAN_PRINTED = (0, 150, 210)  # chosen: near what any viewer shows of such cyan; without a profile it is 0, 255, 255


def ink_profile() -> bytes:
    """A CMYK profile of one table (ICC.1, 10.10): each corner of the inks' cube is the darkest of its inks' Lab."""
    header = bytearray(128)
    header[8:12], header[12:16], header[16:20], header[20:24] = b"\2\x40\0\0", b"prtr", b"CMYK", b"Lab "
    header[36:40] = b"acsp"
    header[68:80] = struct.pack(">III", 0xF6D6, 0x10000, 0xD32D)
    corners = b""
    for corner in range(16):
        used = [ink for place, ink in enumerate(INKS) if corner >> (3 - place) & 1] or [PAPER]
        lightness = min(ink[0] for ink in used) / len(used)
        a, b = (sum(ink[axis] for ink in used) / len(used) for axis in (1, 2))
        lightness = PAPER[0] if used == [PAPER] else lightness if len(used) > 1 else used[0][0]
        corners += bytes([round(lightness * 2.55), round(a + 128), round(b + 128)])
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    ramp = bytes(range(256))
    table = b"mft1\0\0\0\0\4\3\2\0" + identity + ramp * 4 + corners + ramp * 3
    text = b"desc\0\0\0\0\0\0\0\5inks\0" + bytes(12 + 67)
    white = b"XYZ \0\0\0\0" + header[68:80]
    tags, bodies, place = b"", b"", 128 + 4 + 12 * 3
    for name, body in ((b"A2B0", table), (b"desc", text), (b"wtpt", bytes(white))):
        tags += struct.pack(">4sII", name, place + len(bodies), len(body))
        bodies += body + bytes(-len(body) % 4)
    profile = bytes(header) + struct.pack(">I", 3) + tags + bodies
    return struct.pack(">I", len(profile)) + profile[4:]


def inked(form: str, inks: tuple[int, int, int, int], profile: bytes | None) -> images.DecodedImage:
    image = Image.new("CMYK", (32, 32), inks)
    ways = {"jpeg": {"quality": 98}, "tiff": {}}[form]
    return decoded(pictures.file(image, form, icc_profile=profile, **ways))


@pytest.mark.parametrize("form", ["jpeg", "tiff"])
@pytest.mark.parametrize("inks", [(255, 0, 0, 0), (0, 255, 0, 0), (0, 0, 255, 0), (0, 0, 0, 255), (0, 0, 0, 0)])
def test_profile_decides_colours(form: str, inks: tuple[int, int, int, int]) -> None:
    picture = inked(form, inks, ink_profile())
    lab = PAPER if not any(inks) else INKS[inks.index(255)]
    source = ImageCms.createProfile("LAB")
    pixel = Image.frombytes("LAB", (1, 1), bytes([round(lab[0] * 2.55), lab[1] % 256, lab[2] % 256]))
    shown = ImageCms.profileToProfile(pixel, source, ImageCms.createProfile("sRGB"), RELATIVE, "RGB")
    assert shown is not None and picture.icc is None
    # Paper is shown as white, and the blackest ink as black: both move what lies between.
    assert np.abs(rgb(picture)[8, 8] - np.asarray(shown)[0, 0]).max() <= 40
    if inks == (255, 0, 0, 0):
        assert np.abs(rgb(picture)[8, 8] - CYAN_PRINTED).max() <= 40


@pytest.mark.parametrize("form", ["jpeg", "tiff"])
def test_broken_ink_profile_is_ignored(form: str) -> None:
    profile = ink_profile()
    plain = inked(form, (255, 0, 0, 0), None)
    assert furthest(rgb(plain)[8:9, 8:9], np.array([[[0, 255, 255]]])) <= LIKE_JPEG
    for broken in (profile[:200], profile[:-100], profile.replace(b"mft1", b"nope"), b"rubbish"):
        assert furthest(inked(form, (255, 0, 0, 0), broken).pixels, plain.pixels) == 0
    rgb_profile = profile[:16] + b"RGB " + profile[20:]
    assert furthest(inked(form, (255, 0, 0, 0), rgb_profile).pixels, plain.pixels) == 0
