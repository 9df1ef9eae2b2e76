"""The sound of a video: copied packet by packet; what the container can't hold is encoded anew."""

from collections.abc import Iterator
from typing import Any, Literal, cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet

from core.errors import InvalidVideo
from core.video import containers, leftovers

# What players expect in each container, by FFmpeg's names.
COPIED = {
    "mp4": {"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"},
    "webm": {"opus", "vorbis"},
}
ENCODERS = {"mp4": "aac", "webm": "libopus"}
AAC_RATES = {8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000}
OPUS_RATE = 48_000
BIT_RATE = 64_000  # of a channel; chosen: not to be told from the original with either encoder
MAX_CHANNELS = 2  # of sound that is encoded anew

Timed = tuple[float, "Packet[Any]"]


class Sound:
    """All tracks of a video's sound, on their way from one container to another."""

    def __init__(self, source: InputContainer, target: OutputContainer, kind: Literal["mp4", "webm"]) -> None:
        """Add a track to the target for each one that can be read."""
        self._source = source
        self._copied: dict[int, AudioStream] = {}
        self._encoded: dict[int, AudioStream] = {}
        for stream in source.streams.audio:
            if leftovers.codec_name(stream) in COPIED[kind]:
                self._copied[stream.index] = target.add_stream_from_template(stream)
            elif stream.codec_context and stream.codec_context.name in containers.AUDIO_DECODERS:
                self._encoded[stream.index] = _encoder(target, stream, kind)

    def packets(self) -> Iterator[Timed]:
        """Yield the packets for the target, and the time of each in seconds.

        Where the times of a track run backwards, a packet comes right after the one before, as far as containers can
        tell: no container takes what runs backwards.
        """
        last: dict[int, int] = {}
        for packet in self._unordered():
            moment = packet.dts if packet.dts is not None else packet.pts or 0
            earliest = last.get(packet.stream.index)
            if earliest is not None and moment <= earliest:
                moment = packet.dts = packet.pts = earliest + 1
            last[packet.stream.index] = moment
            yield float(moment * packet.time_base), packet

    def _unordered(self) -> Iterator["Packet[Any]"]:
        streams = [one for one in self._source.streams.audio if one.index in {*self._copied, *self._encoded}]
        containers.keep_only(self._source, *streams)
        if not streams:
            return
        for packet in self._source.demux(*streams):
            if packet.stream.index in self._encoded:
                yield from self._encode(packet)
            elif packet.size:
                packet.stream = self._copied[packet.stream.index]
                yield packet

    def _encode(self, packet: "Packet[Any]") -> Iterator["Packet[Any]"]:
        encoder = self._encoded[packet.stream.index]
        try:
            frames = cast(list[AudioFrame], packet.decode())
        except av.FFmpegError as error:
            raise InvalidVideo("the sound of the video is damaged") from error
        for frame in [*frames, *([] if packet.size else [None])]:
            yield from encoder.encode(frame)


def _encoder(target: OutputContainer, stream: AudioStream, kind: Literal["mp4", "webm"]) -> AudioStream:
    rate = stream.rate if kind == "mp4" and stream.rate in AAC_RATES else OPUS_RATE
    encoder = cast(AudioStream, target.add_stream(ENCODERS[kind], rate=rate))
    layout = stream.layout if stream.channels <= MAX_CHANNELS else "stereo"
    encoder.codec_context.layout = layout
    encoder.codec_context.bit_rate = BIT_RATE * min(stream.channels, MAX_CHANNELS)
    return encoder
