"""The file that a decoder is given: the primary picture and nothing else."""

from typing import Any

import pytest

from core.errors import UndecodableImage
from core.pictures.heif import boxes, plain_files, stills
from tests import pictures
from tests.core.pictures.heif.files import BOTH, LIKE_HEVC, flat, resized
from tests.pictures import decoded, furthest, rgb


@pytest.mark.parametrize("form", BOTH)
def test_understated_size_is_refused_before_decoding(form: str) -> None:
    """The coded picture is what a decoder takes room for."""
    data = resized(flat(form, 512, 512), 64, 64)
    with pytest.raises(ValueError, match="header"):
        plain_files.make(data, stills.read(data))
    with pytest.raises(UndecodableImage):
        decoded(data)


@pytest.mark.parametrize("form", BOTH)
def test_decoder_is_given_the_picture_alone(form: str) -> None:
    options: dict[str, Any] = {"exif": pictures.exif(1), "xmp": b"SECRET-XMP"}
    data = flat(form, icc_profile=pictures.srgb_profile(), **options) + b"SECRET-TRAILER"
    still = stills.read(data)
    plain = plain_files.make(data, still)
    assert len(boxes.read(plain).items) == 1
    assert b"SECRET" in data
    assert b"CAMERA-NAME" in data
    for word in (b"SECRET", b"CAMERA-NAME", b"Exif", b"prof"):
        assert word not in plain
    assert furthest(rgb(decoded(data)), pictures.quarters()) <= LIKE_HEVC


def test_thumbnail_stays_behind() -> None:
    data = flat("heic", 300, 200, thumbnails=[64])
    still = stills.read(data)
    assert len(still.container.items) == 2
    assert still.parts == [still.container.primary]
    assert len(boxes.read(plain_files.make(data, still)).items) == 1
