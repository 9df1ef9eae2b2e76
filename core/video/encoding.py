"""Encodes masked frames: one file for each segment, which `core/video/joining.py` puts together."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, Literal, cast

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream
from numpy.typing import NDArray

from core.video.colors import YuvConverter
from core.video.frames import VideoFrame
from core.video.media import VideoHeader
from core.video.segments import MAX_TIME_S

# Keeps the time base and the times of frames as they are.
PART_FORMAT = "nut"
# By how much a part's times are later: its format knows none before 0, where frames of an edited video may be.
PART_DELAY_S = MAX_TIME_S + 3600
MAX_RATE = 65_535  # a rate's parts have 16 bits in the headers of some codecs
# What blocks are predicted by is looked for as in the preset superfast, and bits are spread as in veryfast, by what
# later frames take from each. measured, three clips of 1080p with a sensor's noise: 10.6 to 18.3 ms a frame after 16.5
# to 32.0 with veryfast, files 3 to 14 % larger, 0 to 0.7 dB worse; superfast alone makes them twice as large
X264 = {"preset": "superfast", "mbtree": "1", "rc-lookahead": "10", "threads": "1", "bf": "2", "forced-idr": "1"}
VP9 = {"deadline": "realtime", "cpu-used": "6", "b": "0", "row-mt": "0", "threads": "1", "lag-in-frames": "0"}


@dataclass(frozen=True)
class VideoOutput:
    """How a masked video is written. crf: constant quality, in the codec's own scale: the lower, the better.

    gpl_encoders: whether x264, which is under the GPL, may be used; without it, MP4 holds VP9 too.
    """

    format: Literal["mp4", "webm", "same"] = "same"
    crf: int = 20
    audio: Literal["keep", "drop"] = "keep"
    gpl_encoders: bool = True

    def container(self, header: VideoHeader) -> Literal["mp4", "webm"]:
        """Return what the masked video is; `same` is MP4 for whatever is not WebM."""
        if self.format == "same":
            return "webm" if header.container == "webm" else "mp4"
        return self.format

    def encoder(self, header: VideoHeader) -> Literal["libx264", "libvpx-vp9"]:
        return "libx264" if self.gpl_encoders and self.container(header) == "mp4" else "libvpx-vp9"


def encode_segment(
    frames: Iterable[VideoFrame],
    header: VideoHeader,
    output: VideoOutput,
    out: BinaryIO,
    pause: Callable[[], None] = lambda: None,
) -> int:
    """Encode the frames of a segment, with their own times, as 8 bits, 4:2:0; return how many there were.

    The file is only for `join`. Nothing but pixels and times is written: the same frames give the same bytes.
    pause: is called between the frames that the encoder has held back to the end.
    """
    count = 0
    converter = YuvConverter(header.colors)
    with av.open(out, "w", format=PART_FORMAT, container_options={"fflags": "+bitexact"}) as container:
        stream = _add_stream(container, header, output)
        for frame in frames:
            picture = converter.to_yuv(_even(frame.image))
            picture.pts, picture.time_base = frame.pts + part_delay(header), header.time_base
            container.mux(stream.encode(picture))
            count += 1
        for packet in stream.codec_context.encode_lazy():
            packet.stream = stream
            container.mux(packet)
            pause()
    return count


def part_delay(header: VideoHeader) -> int:
    """Return by how much the times of parts are later than those of the video, in its time base."""
    return round(PART_DELAY_S / header.time_base)


def _add_stream(container: OutputContainer, header: VideoHeader, output: VideoOutput) -> VideoStream:
    encoder = output.encoder(header)
    options = {**(X264 if encoder == "libx264" else VP9), "crf": str(output.crf)}
    stream = container.add_stream(encoder, options=options)
    context: VideoCodecContext = stream.codec_context
    context.width, context.height = (side + side % 2 for side in (header.width, header.height))
    context.pix_fmt = "yuv420p"
    stream.time_base = context.time_base = header.time_base
    context.framerate = Fraction(header.fps).limit_denominator(MAX_RATE // 64)
    context.sample_aspect_ratio = header.pixel_aspect
    colors = header.colors.written
    context.colorspace, context.color_range = colors.matrix, 1
    context.color_primaries, context.color_trc = colors.primaries, colors.transfer
    return stream


def _even(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat the last row and column where a side is odd: 4:2:0 has none."""
    height, width = image.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return image
    return cast(NDArray[np.uint8], cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE))
