"""The frames of a segment, upright and in BGR: exactly those, each once, in the order in which they are shown."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame as DecodedFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from core.errors import InvalidVideo
from core.video import containers
from core.video.colors import BgrConverter
from core.video.media import VideoHeader
from core.video.segments import Segment

# Where decoding begins, in seconds before the segment: at its key frame; where that turns out to need what is before
# it, further away; at last at the beginning of the file. chosen: more than a group of pictures usually has
LEADS_S: tuple[float | None, ...] = (0, 12, None)


@dataclass(frozen=True)
class VideoFrame:
    """A frame. index: its number in the video, from 0; pts: when it is shown, in the header's time base; time_s: in s.

    image: upright, BGR, uint8, (height, width, 3).
    """

    index: int
    pts: int
    time_s: float
    image: NDArray[np.uint8]


class _WrongStart(Exception):
    """Decoding began too late for the segment's first frame."""


def read(file: BinaryIO, header: VideoHeader, segment: Segment) -> Iterator[VideoFrame]:
    """Yield the frames of a segment; InvalidVideo where one is damaged or missing: nothing is skipped.

    One frame is held at a time, beside the 16 at most that a decoder holds.
    """
    for lead_s in LEADS_S:
        try:
            yield from _read_from(file, header, segment, lead_s)
        except _WrongStart:
            continue
        return
    raise InvalidVideo(f"the frame at {float(segment.start_pts * header.time_base):.2f} s can't be decoded")


def _read_from(file: BinaryIO, header: VideoHeader, segment: Segment, lead_s: float | None) -> Iterator[VideoFrame]:
    """Yield the frames; _WrongStart, before any, where decoding has to begin earlier.

    lead_s: None: at the beginning of the file.
    """
    converter = BgrConverter(header.colors)
    width, height = header.stored_size
    index, last = segment.start_frame, segment.start_frame + segment.frames - 1
    with containers.opened(file, header.container, header.decoded_pixels) as container:
        stream = containers.video_stream(container)
        containers.keep_only(container, stream)
        if lead_s is not None and segment.index > 0:
            _seek(container, stream, segment.start_pts - round(lead_s / header.time_base))
        for pts, frame in _of_segment(_decoded(container, stream, segment.start_pts), segment):
            time_s = float(pts * header.time_base)
            if frame.is_corrupt:
                raise InvalidVideo(f"the frame at {time_s:.2f} s is damaged")
            if (frame.width, frame.height) != (width, height):
                raise InvalidVideo(f"the size of the frames changes at {time_s:.2f} s")
            yield VideoFrame(index, pts, time_s, header.orientation.applied(converter.to_bgr(frame)))
            if index == last:
                return
            index += 1
    raise InvalidVideo(f"the video ends at frame {index}, before its end")


def _seek(container: InputContainer, stream: VideoStream, pts: int) -> None:
    try:
        container.seek(pts, stream=stream)
    except av.FFmpegError as error:
        raise _WrongStart from error


def _decoded(container: InputContainer, stream: VideoStream, start_pts: int) -> Iterator[DecodedFrame]:
    """Yield what is decoded, from the first key frame on."""
    primed = False
    for packet in container.demux(stream):
        primed = primed or packet.is_keyframe
        if not primed:
            continue
        try:
            yield from packet.decode()
        except av.FFmpegError:
            # Of what is shown before the segment, nothing is asked: it may refer to what is before the key frame.
            if packet.pts is None or packet.pts >= start_pts:
                raise


def _of_segment(frames: Iterator[DecodedFrame], segment: Segment) -> Iterator[tuple[int, DecodedFrame]]:
    """Yield the frames from the segment's first one on, and when each is shown."""
    last_pts = None
    while (frame := _next(frames, started=last_pts is not None)) is not None:
        pts = frame.pts
        if pts is not None and pts < segment.start_pts:
            continue
        if last_pts is None and pts != segment.start_pts:
            raise _WrongStart
        if pts is None or (last_pts is not None and pts <= last_pts) or pts >= segment.end_pts:
            raise InvalidVideo("a frame of the video is missing, or their times are not in order")
        last_pts = pts
        yield pts, frame


def _next(frames: Iterator[DecodedFrame], started: bool) -> DecodedFrame | None:
    """Return the next frame, None at the end; before the segment's first one, decoding may have to begin earlier."""
    try:
        frame = next(frames, None)
    except av.FFmpegError as error:
        if started:
            raise
        raise _WrongStart from error
    if frame is None and not started:
        raise _WrongStart
    return frame
