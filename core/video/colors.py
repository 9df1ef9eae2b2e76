"""Frames to BGR and back, in the video's own colours; what is brighter or wider than usual screens show is reduced."""

from dataclasses import dataclass
from typing import Self, cast

import cv2
import numpy as np
from av.video.frame import VideoFrame as DecodedFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

BT709, BT601, BT2020 = 1, 6, 9  # matrices, as ITU-T H.273, table 4, numbers them
# What red and blue weigh in luma (H.273, table 4; FCC, SMPTE 240M), and the matrix as swscale numbers it.
WEIGHTS = {
    BT709: (0.2126, 0.0722, Colorspace.ITU709),
    4: (0.30, 0.11, Colorspace.FCC),
    5: (0.299, 0.114, Colorspace.ITU601),
    BT601: (0.299, 0.114, Colorspace.ITU601),
    7: (0.212, 0.087, Colorspace.SMPTE240M),
    BT2020: (0.2627, 0.0593, Colorspace.BT2020),
}
SAME_MATRICES = {10: BT2020}  # constant luminance is rare; read as the usual one, it is a shade off
HDR = {ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67}
FULL_RANGE_FORMATS = "yuvj"
HD_PIXELS = 1280 * 576  # chosen: as players do, smaller ones without a word are taken for television's
PLANAR = {"yuv420p", "yuvj420p"}


@dataclass(frozen=True)
class Colors:
    """The colours of a video, by H.273. full: whether luma has 256 steps."""

    matrix: int
    full: bool
    primaries: int
    transfer: int

    @classmethod
    def of(cls, frame: DecodedFrame) -> Self:
        """Read a decoded frame's colours, or guess what it leaves open."""
        stated = SAME_MATRICES.get(frame.colorspace, frame.colorspace)
        guess = BT709 if frame.width * frame.height >= HD_PIXELS else BT601
        full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith(FULL_RANGE_FORMATS)
        return cls(stated if stated in WEIGHTS else guess, full, frame.color_primaries, frame.color_trc)

    @property
    def hdr(self) -> bool:
        return self.transfer in HDR

    @property
    def wide(self) -> bool:
        """Tell whether brightness or colours have to be reduced."""
        return self.hdr or self.primaries == ColorPrimaries.BT2020

    @property
    def written(self) -> "Colors":
        """Return the colours of the masked video: 219 steps of luma, no wider than BT.709."""
        if self.wide:
            return Colors(BT709, False, int(ColorPrimaries.BT709), int(ColorTrc.BT709))
        return Colors(self.matrix, False, self.primaries, self.transfer)

    @property
    def scaler_matrix(self) -> int:
        """Return the matrix as swscale numbers it."""
        return int(WEIGHTS[self.matrix][2])

    def to_bgr(self) -> NDArray[np.float64]:
        """Return the matrix, (3, 4), that makes BGR of Y, Cb, Cr (H.273, 8.3)."""
        red, blue, _ = WEIGHTS[self.matrix]
        green = 1 - red - blue
        chroma = [
            [1, 2 * (1 - blue), 0],
            [1, -2 * blue * (1 - blue) / green, -2 * red * (1 - red) / green],
            [1, 0, 2 * (1 - red)],
        ]
        steps = np.array([1, 1, 1]) if self.full else 255 / np.array([219, 224, 224])
        zero = np.array([0 if self.full else 16, 128, 128])
        linear = np.array(chroma) * steps
        return np.column_stack([linear, -linear @ zero])

    def from_bgr(self) -> NDArray[np.float64]:
        """Return the matrix, (3, 4), that makes Y, Cb, Cr of BGR."""
        back = self.to_bgr()
        linear = np.linalg.inv(back[:, :3])
        return np.column_stack([linear, -linear @ back[:, 3]])


class BgrConverter:
    """Converts the frames of one video to BGR.

    OpenCV multiplies: swscale is four times as slow, or darker by 2 of 255. measured: on 1080p
    """

    def __init__(self, colors: Colors) -> None:
        self._colors = colors
        self._matrix = colors.to_bgr()
        self._reformatter = VideoReformatter()

    def to_bgr(self, frame: DecodedFrame) -> Pixels:
        """Return a frame's pixels, uint8, (height, width, 3)."""
        if self._colors.wide:
            return self._reduced(frame)
        if frame.format.name not in PLANAR:
            frame = self._planar(frame)
        size = (frame.width, frame.height)
        luma, *chroma = (_plane(frame, number) for number in range(3))
        # Each sample for its four pixels: what comes back is then what was.
        enlarged = [cv2.resize(plane, size, interpolation=cv2.INTER_NEAREST) for plane in chroma]
        return cast(Pixels, cv2.transform(cv2.merge([luma, *enlarged]), self._matrix))

    def _planar(self, frame: DecodedFrame) -> DecodedFrame:
        """Make 8 bits and 4:2:0 of a frame, in the same colours."""
        matrix = self._colors.scaler_matrix
        steps = ColorRange.JPEG if self._colors.full else ColorRange.MPEG
        return self._reformatter.reformat(
            frame,
            format="yuv420p",
            src_colorspace=matrix,
            src_color_range=steps,
            dst_colorspace=matrix,
            dst_color_range=steps,
            threads=1,
        )

    def _reduced(self, frame: DecodedFrame) -> Pixels:
        """Map brightness and colours to those of BT.709, plainly: highlights are cut off."""
        converted = self._reformatter.reformat(
            frame,
            format="bgr24",
            src_colorspace=self._colors.scaler_matrix,
            src_color_range=ColorRange.JPEG if self._colors.full else ColorRange.MPEG,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.JPEG,
            dst_color_trc=ColorTrc.BT709,
            dst_color_primaries=ColorPrimaries.BT709,
            threads=1,
        )
        return converted.to_ndarray()  # type: ignore[return-value]  # bgr24 is uint8


class YuvConverter:
    """Converts BGR to the frames that are encoded: 8 bits, 4:2:0."""

    def __init__(self, colors: Colors) -> None:
        self._matrix = colors.written.from_bgr()

    def to_yuv(self, image: Pixels) -> DecodedFrame:
        """Return an image, (height, width, 3) with even sides, as a frame."""
        luma, *chroma = cv2.split(cv2.transform(image, self._matrix))
        height, width = luma.shape
        reduced = [cv2.resize(plane, (width // 2, height // 2), interpolation=cv2.INTER_AREA) for plane in chroma]
        samples = np.concatenate([plane.ravel() for plane in (luma, *reduced)])
        return DecodedFrame.from_ndarray(samples.reshape(-1, width), format="yuv420p")


def _plane(frame: DecodedFrame, number: int) -> Pixels:
    """Return a plane of a frame, (height, width), without a copy."""
    plane = frame.planes[number]
    samples = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]  # it is a buffer
    return cast(Pixels, samples.reshape(plane.height, plane.line_size)[:, : plane.width])
