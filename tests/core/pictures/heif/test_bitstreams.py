"""HEVC and AV1 bitstreams: sizes are read, and only one complete picture is accepted."""

import pytest

from core.pictures.heif import bitstreams, stills
from tests.core.pictures.heif.files import BOTH, flat


def test_many_frames_of_one_picture_are_refused() -> None:
    """Each would be decoded, and only one is shown."""
    data = flat("avif")
    still = stills.read(data)
    payload = still.container.payload(data, still.container.primary)
    assert bitstreams.av1_sizes(payload) == [(96, 64)]
    with pytest.raises(ValueError, match="AV1"):
        bitstreams.av1_sizes(payload * 5)


def test_second_hevc_picture_is_refused() -> None:
    data = flat("heic")
    still = stills.read(data)
    item = still.container.items[still.container.primary]
    payload = still.container.payload(data, still.container.primary)
    assert bitstreams.hevc_slices(payload, item.first(b"hvcC"))
    with pytest.raises(ValueError, match="HEVC"):
        bitstreams.hevc_slices(payload * 2, item.first(b"hvcC"))


@pytest.mark.parametrize("size", [(96, 64), (512, 512), (641, 479), (33, 1025)])
def test_coded_sizes_are_read(size: tuple[int, int]) -> None:
    heic, avif = (flat(form, *size) for form in BOTH)
    ((wide, high),) = bitstreams.hevc_sizes(stills.read(heic).container.items[1].first(b"hvcC"))
    assert size[0] <= wide < size[0] + 64
    assert size[1] <= high < size[1] + 64
    still = stills.read(avif)
    assert bitstreams.av1_sizes(still.container.payload(avif, still.container.primary)) == [size]


def test_coded_picture_of_countless_units_is_refused() -> None:
    with pytest.raises(ValueError, match="too many"):
        bitstreams.av1_sizes(b"\x12\0" * (bitstreams.MAX_UNITS + 1))
    with pytest.raises(ValueError, match="too many"):
        bitstreams.hevc_slices(b"\0\0\0\3\x4e\1\1" * (bitstreams.MAX_UNITS + 1), bytes(21) + b"\3")
