"""Puts the encoded segments of a video and its sound together, packet by packet."""

import heapq
from collections.abc import Iterable, Iterator
from itertools import chain
from operator import itemgetter
from typing import Any, BinaryIO

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from core.errors import InternalError, InvalidVideo
from core.video import containers
from core.video.encoding import PART_FORMAT, VideoOutput, part_delay
from core.video.media import VideoHeader
from core.video.sounds import Sound

# By how many frames the order of decoding may differ from that of showing: x264's pyramid of B-frames has two levels.
MAX_DELAY = 2
MOVIE_TIMESCALE = 90_000  # chosen: what broadcasts use; a thousandth of a second would shift the first frame
DAMAGED_SOUND = "the sound of the video is damaged; audio=drop leaves it out"


def join(parts: Iterable[BinaryIO], source: BinaryIO, header: VideoHeader, output: VideoOutput, out: BinaryIO) -> None:
    """Write the masked video: the pictures of all parts, and the sound of the source; nothing else of it.

    Sound is copied as it is; only what the container can't hold is encoded anew, or dropped where it can't be read.
    parts: as `encode_segment` has written them, in order; each is read to its end before the next is asked for: a
    generator may open and close them. out: seekable. Never more than some packets in memory.
    """
    with (
        containers.opened(source, header.container, header.decoded_pixels) as original,
        _target(out, header, output) as target,
    ):
        opened_parts = map(_part, parts)
        first = next(opened_parts)
        video = target.add_stream_from_template(first.streams.video[0])
        video.time_base = header.time_base
        packets = [_pictures(chain([first], opened_parts), video, header)]
        if output.audio == "keep":
            packets.append(Sound(original, target, output.container(header)).packets())
            if target.streams.audio:
                _begin(target)
        for _, packet in heapq.merge(*packets, key=itemgetter(0)):
            _write(target, packet)


class _WrittenSoFar:
    """What a file holds, read beside its writing: FFmpeg moves the contents of an MP4 by it, to put the index first."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._at = file, 0

    def read(self, size: int) -> bytes:
        writing_at = self._file.tell()
        self._file.seek(self._at)
        data = self._file.read(size)
        self._at += len(data)
        self._file.seek(writing_at)
        return data

    def seek(self, offset: int, whence: int) -> int:
        self._at = offset + {0: 0, 1: self._at}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        """Nothing: the file stays open."""


def _target(out: BinaryIO, header: VideoHeader, output: VideoOutput) -> OutputContainer:
    options = {"fflags": "+bitexact"}  # neither the time nor the version of a library
    if output.container(header) == "mp4":
        options |= {"movie_timescale": str(MOVIE_TIMESCALE), "video_track_timescale": str(header.time_base.denominator)}
        # The index first: a browser shows the first frame, and can go anywhere, before it has all of the file.
        options["movflags"] = "+faststart"
    return av.open(
        out,
        "w",
        format=output.container(header),
        container_options=options,
        io_open=lambda _url, _flags, _options: _WrittenSoFar(out),
    )


def _begin(target: OutputContainer) -> None:
    """Write what comes before the packets: not everything that says it is sound can be described there."""
    try:
        target.start_encoding()
    except av.FFmpegError as error:
        raise InvalidVideo(DAMAGED_SOUND) from error


def _write(target: OutputContainer, packet: "Packet[Any]") -> None:
    is_sound = packet.stream.type == "audio"
    try:
        target.mux(packet)
    except av.FFmpegError as error:
        if is_sound:
            raise InvalidVideo(DAMAGED_SOUND) from error
        raise InternalError from error


def _part(file: BinaryIO) -> InputContainer:
    file.seek(0)
    return av.open(file, "r", format=PART_FORMAT)


def _pictures(
    parts: Iterable[InputContainer], video: VideoStream, header: VideoHeader
) -> Iterator[tuple[float, "Packet[Any]"]]:
    """Yield the packets of all parts, and when each is decoded, in seconds.

    That is computed anew: at a seam, an encoder's own times would run backwards. A packet is decoded when the frame
    that is MAX_DELAY before it in the order of showing is shown; the first ones a moment earlier each.
    """
    delay = MAX_DELAY if video.codec_context.codec.canonical_name == "h264" else 0
    waiting: list[int] = []
    step = max(1, round(1 / header.fps / header.time_base))
    number = 0
    for part in parts:
        with part as opened:
            stream = opened.streams.video[0]
            if stream.codec_context.extradata != video.codec_context.extradata:
                raise InternalError("the parts of the video differ in how they are encoded")
            for packet in opened.demux(stream):
                if not packet.size or packet.pts is None:
                    continue
                packet.pts = round(packet.pts * packet.time_base / header.time_base) - part_delay(header)
                heapq.heappush(waiting, packet.pts)
                dts = heapq.heappop(waiting) if number >= delay else waiting[0] - delay + number
                packet.dts, packet.duration, packet.time_base = dts, step, header.time_base
                packet.stream = video
                yield float(dts * header.time_base), packet
                number += 1
