"""Read HEVC and AV1 bitstreams before they are decoded: how large the picture is, and whether its parts are complete.

A file's boxes can state one size and the coded picture another, far larger one, which its decoder would allocate.
"""

import re
import struct
from collections.abc import Iterator

Size = tuple[int, int]

# Of a NAL unit (H.265, table 7-1): slices are 0 to 31, and what the decoder needs beside them is in the configuration.
LAST_SLICE, SPS = 31, 33
# Three bytes that no NAL unit has inside (H.265, 7.4.2): those are zeros in the offset of lost data.
NEVER_INSIDE = re.compile(rb"\0\0[\0\1\2]")
# Of an OBU (AV1, 6.2.2).
SEQUENCE_HEADER, FRAME_HEADER, FRAME = 1, 3, 6
MAX_UNITS = 8192  # chosen: of one picture. It may have 600 slices (H.265, table A.8) or 4,096 tiles (AV1, 3)
MAX_CONFIGURED_UNITS = 32  # chosen: of a configuration, which needs one of each of three kinds
MAX_HEADER_BYTES = 512  # chosen: what is read of a sequence header takes up to 370 (AV1, 32 operating points)
MAX_FRAMES = 4  # chosen: the layers of a progressive AVIF; each may cost as much as a whole picture


class Bits:
    """Bits of a byte string, the highest of a byte first; those after the end are 0."""

    def __init__(self, data: bytes) -> None:
        self._value, self._remaining = int.from_bytes(data), 8 * len(data)

    def take(self, count: int) -> int:
        self._remaining -= count
        shifted = self._value >> self._remaining if self._remaining >= 0 else self._value << -self._remaining
        return shifted & (1 << count) - 1

    def golomb(self) -> int:
        """Take one number of variable length (H.265, 9.2; AV1's uvlc)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("a number of the coded picture has no end")
        return (1 << zeros) - 1 + self.take(zeros)


def hevc_sizes(configuration: bytes) -> list[Size]:
    """Return (width, height) of every sequence that an `hvcC` describes."""
    offset, sizes, units = 23, [], 0
    for _ in range(configuration[22]):
        kind, count = struct.unpack_from(">BH", configuration, offset)
        offset, units = offset + 3, units + count
        if units > MAX_CONFIGURED_UNITS:
            raise ValueError("the HEVC configuration has too many parts")
        for _ in range(count):
            (length,) = struct.unpack_from(">H", configuration, offset)
            unit = configuration[offset + 2 : offset + 2 + length]
            offset += 2 + length
            if offset > len(configuration):
                raise ValueError("the HEVC configuration is cut off")
            if kind & 63 == SPS:
                sizes.append(_sps_size(unit))
    return sizes


def _sps_size(unit: bytes) -> Size:
    """Read a sequence parameter set (H.265, 7.3.2.2) as far as its size."""
    bits = Bits(unit[2:MAX_HEADER_BYTES].replace(b"\0\0\3", b"\0\0"))
    bits.take(4)
    layers = bits.take(3)  # sps_max_sub_layers_minus1
    bits.take(1 + 88 + 8)  # the profile and the level (7.3.3)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for profile, level in present:
        bits.take(88 * profile + 8 * level)
    bits.golomb()
    if bits.golomb() == 3:  # chroma_format_idc
        bits.take(1)
    return bits.golomb(), bits.golomb()


def hevc_slices(data: bytes, configuration: bytes, limit: int = MAX_UNITS) -> bytes:
    """Return the slices of one HEVC picture, and no other NAL unit; ValueError for a picture that is not complete.

    Parameter sets are taken from the configuration alone, where their sizes can be checked. limit: of units.
    """
    width = (configuration[21] & 3) + 1
    offset, slices, pictures, units = 0, [], 0, 0
    while offset < len(data):
        units += 1
        start = offset + width
        end = start + int.from_bytes(data[offset:start])
        unit = data[start:end]
        if end > len(data) or len(unit) < 3:
            raise ValueError("a part of the HEVC picture is cut off")
        if units > limit:
            raise ValueError("the HEVC picture has too many parts")
        kind, layer = unit[0] >> 1 & 63, (unit[0] & 1) << 5 | unit[1] >> 3
        if kind <= LAST_SLICE and layer == 0:
            if NEVER_INSIDE.search(unit) or not unit[-1]:
                raise ValueError("a part of the HEVC picture is lost")
            pictures += unit[2] >> 7  # first_slice_segment_in_pic_flag
            slices.append(data[offset:end])
        offset = end
    if pictures != 1:
        raise ValueError("not one HEVC picture")
    return b"".join(slices)


def av1_sizes(data: bytes, limit: int = MAX_UNITS) -> list[Size]:
    """Return (width, height) of every sequence of an AV1 picture; ValueError for one that is not complete.

    limit: of units.
    """
    sizes = sequence_sizes(data, limit)
    frames = sum(kind in (FRAME_HEADER, FRAME) for kind, _ in _obus(data, limit))
    if not sizes or not 1 <= frames <= MAX_FRAMES:
        raise ValueError("not one AV1 picture")
    return sizes


def sequence_sizes(data: bytes, limit: int = MAX_CONFIGURED_UNITS) -> list[Size]:
    """Return (width, height) of the largest frame of every sequence header among these units."""
    return [_sequence_size(Bits(start)) for kind, start in _obus(data, limit) if kind == SEQUENCE_HEADER]


def _obus(data: bytes, limit: int) -> Iterator[tuple[int, bytes]]:
    """Walk the open bitstream units (AV1, 5.3): (type, how it begins) of each."""
    offset, units = 0, 0
    while offset < len(data):
        units += 1
        if units > limit:
            raise ValueError("the AV1 picture has too many parts")
        first = data[offset]
        offset += 1 + (first >> 2 & 1)  # an extension is one byte
        size, shift = len(data) - offset, 0
        if first >> 1 & 1:  # obu_has_size_field, in leb128
            size = 0
            while True:
                byte = data[offset]
                size |= (byte & 127) << shift
                offset, shift = offset + 1, shift + 7
                if not byte >> 7:
                    break
                if shift > 28:
                    raise ValueError("a size of the AV1 picture has no end")
        if offset + size > len(data):
            raise ValueError("a part of the AV1 picture is cut off")
        yield first >> 3 & 15, data[offset : offset + min(size, MAX_HEADER_BYTES)]
        offset += size


def _sequence_size(bits: Bits) -> Size:
    """Read a sequence header (AV1, 5.5.1) as far as its largest frame."""
    bits.take(3 + 1)
    if bits.take(1):  # reduced_still_picture_header
        bits.take(5)
    else:
        _skip_operating_points(bits)
    wide, high = bits.take(4) + 1, bits.take(4) + 1
    return bits.take(wide) + 1, bits.take(high) + 1


def _skip_operating_points(bits: Bits) -> None:
    delay = 0
    if bits.take(1):  # timing_info
        bits.take(64)
        if bits.take(1):
            bits.golomb()
        if bits.take(1):  # decoder_model_info
            delay = bits.take(5) + 1
            bits.take(32 + 5 + 5)
    displayed = bits.take(1)  # initial_display_delay_present_flag
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delay and bits.take(1):
            bits.take(2 * delay + 1)
        if displayed and bits.take(1):
            bits.take(4)
