"""Frames to BGR and back, in the video's own colours; what is brighter or wider than usual screens show is reduced."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from av.video.frame import VideoFrame as DecodedFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

# ITU-T H.273, table 4: the matrices that are known here.
BT709, BT2020, BT2020_CL, SMPTE240M, FCC = 1, 9, 10, 7, 4
MATRICES = {BT709: Colorspace.ITU709, BT2020: Colorspace.BT2020, BT2020_CL: Colorspace.BT2020}
MATRICES |= {SMPTE240M: Colorspace.SMPTE240M, FCC: Colorspace.FCC}
UNKNOWN_MATRICES = {0, 2, 3}  # RGB by mistake, unspecified, reserved
HDR = {ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67}
FULL_RANGE_FORMATS = "yuvj"
HD_PIXELS = 1280 * 576  # chosen: as players do, smaller ones without a word are taken for television's


@dataclass(frozen=True)
class Colors:
    """The colours of a video. matrix: swscale's; full: whether luma has 256 steps; the others: by H.273."""

    matrix: int
    full: bool
    primaries: int
    transfer: int

    @classmethod
    def of(cls, frame: DecodedFrame) -> Self:
        """Read a decoded frame's colours, or guess what it leaves open."""
        matrix = int(MATRICES.get(frame.colorspace, Colorspace.ITU601))
        if frame.colorspace in UNKNOWN_MATRICES and frame.width * frame.height >= HD_PIXELS:
            matrix = int(Colorspace.ITU709)
        full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith(FULL_RANGE_FORMATS)
        return cls(matrix, full, frame.color_primaries, frame.color_trc)

    @property
    def hdr(self) -> bool:
        return self.transfer in HDR

    @property
    def wide(self) -> bool:
        """Tell whether colours have to be reduced to BT.709."""
        return self.hdr or self.primaries == ColorPrimaries.BT2020

    @property
    def written(self) -> "Colors":
        """Return the colours of the masked video: usual range, no wider than BT.709."""
        if self.wide or self.matrix == Colorspace.BT2020:
            return Colors(int(Colorspace.ITU709), False, int(ColorPrimaries.BT709), int(ColorTrc.BT709))
        return Colors(self.matrix, False, self.primaries, self.transfer)

    @property
    def tag(self) -> int:
        """Return the matrix as H.273 numbers it."""
        names = {int(matrix): number for number, matrix in MATRICES.items() if number != BT2020_CL}
        return names.get(self.matrix, 6)


class BgrConverter:
    """Converts the frames of one video to BGR."""

    def __init__(self, colors: Colors) -> None:
        self._colors = colors
        self._reformatter = VideoReformatter()

    def to_bgr(self, frame: DecodedFrame) -> Pixels:
        """Return a frame's pixels, uint8, (height, width, 3)."""
        colors = self._colors
        reduced = {"dst_color_trc": ColorTrc.BT709, "dst_color_primaries": ColorPrimaries.BT709} if colors.wide else {}
        converted = self._reformatter.reformat(
            frame,
            format="bgr24",
            src_colorspace=colors.matrix,
            src_color_range=ColorRange.JPEG if colors.full else ColorRange.MPEG,
            dst_colorspace=colors.written.matrix,
            dst_color_range=ColorRange.JPEG,
            threads=1,
            **reduced,
        )
        return converted.to_ndarray()  # type: ignore[return-value]  # bgr24 is uint8


class YuvConverter:
    """Converts BGR to the frames that are encoded: 8 bits, 4:2:0."""

    def __init__(self, colors: Colors) -> None:
        self._colors = colors.written
        self._reformatter = VideoReformatter()

    def to_yuv(self, image: Pixels) -> DecodedFrame:
        """Return an image, (height, width, 3) with even sides, as a frame."""
        frame = DecodedFrame.from_ndarray(image, format="bgr24")
        return self._reformatter.reformat(
            frame,
            format="yuv420p",
            src_color_range=ColorRange.JPEG,
            dst_colorspace=self._colors.matrix,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
