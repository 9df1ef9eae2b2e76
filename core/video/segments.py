"""A video's segments: cut at key frames, so that each can be decoded by itself, and all workers share one video."""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from core.errors import InvalidVideo, VideoTooLarge
from core.video import containers
from core.video.media import VideoHeader, VideoLimits

SEGMENT_S = 10  # chosen: what a dead worker costs; ten seconds of 1080p are a minute of work
# How much earlier than stated a video may end. chosen: sound and pictures differ by some frames
MISSING_S, MISSING_SHARE = 1.0, 0.02
MAX_TIME_S = 3600 * 24 * 30  # chosen: a camera may count from when it was switched on
SHOWN = 0x10  # of a VP8 frame's first byte: RFC 6386, 9.1


@dataclass(frozen=True)
class Segment:
    """A part of a video. start_pts: of its first frame, a key frame; end_pts: exclusive.

    start_frame: the number of its first frame in the video, from 0; frames: how many it has.
    """

    index: int
    start_pts: int
    end_pts: int
    start_frame: int
    frames: int


def plan(file: BinaryIO, header: VideoHeader, limits: VideoLimits) -> list[Segment]:
    """Cut a video into segments of about 10 s, longer where key frames are rarer; nothing is decoded.

    The whole file is read: VideoTooLarge when it is longer than its header says, InvalidVideo when it is cut off.
    """
    with containers.opened(file, header.container, header.decoded_pixels) as container:
        video = containers.video_stream(container)
        sounds = container.streams.audio
        containers.keep_only(container, video, *sounds)
        packets = _Packets(video, limits)
        for packet in container.demux(video, *sounds):
            packets.add(packet)
    packets.judge(header)
    return _cut(packets.shown(), packets.keys, packets.step, round(SEGMENT_S / header.time_base))


class _Packets:
    """What is known of a video by its packets: eight bytes for each frame are kept."""

    def __init__(self, video: VideoStream, limits: VideoLimits) -> None:
        self.keys = array("q")
        self.step = 1  # of the last frame, how long it is shown
        self._times = array("q")
        self._video, self._limits = video, limits
        self._hides_frames = video.codec_context.name == "vp8"
        self._end_s = 0.0

    def add(self, packet: "Packet[Stream]") -> None:
        if not packet.size:  # the end of a track
            return
        if packet.is_corrupt:
            raise InvalidVideo("the video is cut off or damaged")
        if packet.pts is not None:
            self._end_s = max(self._end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if packet.stream == self._video:
            self._add_frame(packet)

    def _add_frame(self, packet: "Packet[Stream]") -> None:
        if packet.pts is None:
            raise InvalidVideo("a frame of the video has no time")
        if packet.is_keyframe:
            self.keys.append(packet.pts)
        # An edit list hides frames, and VP8 has frames that others only refer to.
        if packet.is_discard or (self._hides_frames and not bytes(packet)[0] & SHOWN):
            return
        self._times.append(packet.pts)
        if len(self._times) > self._limits.max_frames:
            raise VideoTooLarge(f"the video has more than {self._limits.max_frames:,} frames")
        self.step = max(1, packet.duration or 1)

    def shown(self) -> Sequence[int]:
        """Return the times of all frames, in the order in which they are shown; InvalidVideo for none, and for twins.

        Frames that are shown before the first key frame refer to what the file does not hold.
        """
        times = sorted(self._times)
        if not self.keys:
            raise InvalidVideo("the video has no key frame")
        shown = times[bisect_left(times, min(self.keys)) :]
        if any(a == b for a, b in pairwise(shown)):
            raise InvalidVideo("two frames of the video have the same time")
        return shown

    def judge(self, header: VideoHeader) -> None:
        """Compare what there is with what the header states, and with what can be written."""
        times = self._times
        if any(abs(time * header.time_base) > MAX_TIME_S for time in (min(times, default=0), max(times, default=0))):
            raise InvalidVideo("the times of the video's frames are nonsense")
        lasts_s = float((max(times) - min(times)) * header.time_base) if times else 0.0
        if lasts_s > self._limits.max_duration_s:
            raise VideoTooLarge(f"the video has {lasts_s:,.0f} s, more than {self._limits.max_duration_s:,.0f}")
        stated_s = header.duration_s or 0.0
        if self._end_s < stated_s * (1 - MISSING_SHARE) - MISSING_S:
            raise InvalidVideo(f"the video ends after {self._end_s:.1f} s of {stated_s:.1f}: it is cut off")


def _cut(shown: Sequence[int], keys: Sequence[int], step: int, length: int) -> list[Segment]:
    """shown: the times of all frames, ascending; keys: those of key frames; step: the last one's; length: at least."""
    # With an edit list, the first frame that is shown may come after its key frame.
    starts = [shown[0]]
    known = set(shown)
    for key in sorted(keys):
        if key >= starts[-1] + length and key in known:
            starts.append(key)
    firsts = [bisect_left(shown, start) for start in starts]
    ends = [*zip(starts[1:], firsts[1:], strict=True), (shown[-1] + step, len(shown))]
    return [
        Segment(index, start, end, first, last - first)
        for index, (start, first, (end, last)) in enumerate(zip(starts, firsts, ends, strict=True))
    ]
