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
        """Yield the packets for the target, and the time of each in seconds."""
        streams = [one for one in self._source.streams.audio if one.index in {*self._copied, *self._encoded}]
        containers.keep_only(self._source, *streams)
        if not streams:
            return
        for packet in self._source.demux(*streams):
            if packet.stream.index in self._encoded:
                yield from self._encode(packet)
            elif packet.size:
                time_s = _time_s(packet)
                packet.stream = self._copied[packet.stream.index]
                yield time_s, packet

    def _encode(self, packet: "Packet[Any]") -> Iterator[Timed]:
        encoder = self._encoded[packet.stream.index]
        try:
            frames = cast(list[AudioFrame], packet.decode())
        except av.FFmpegError as error:
            raise InvalidVideo("the sound of the video is damaged") from error
        for frame in [*frames, *([] if packet.size else [None])]:
            for encoded in encoder.encode(frame):
                yield _time_s(encoded), encoded


def _encoder(target: OutputContainer, stream: AudioStream, kind: Literal["mp4", "webm"]) -> AudioStream:
    rate = OPUS_RATE if kind == "webm" else stream.rate
    encoder = cast(AudioStream, target.add_stream(ENCODERS[kind], rate=rate))
    layout = stream.layout if stream.channels <= MAX_CHANNELS else "stereo"
    encoder.codec_context.layout = layout
    encoder.codec_context.bit_rate = BIT_RATE * min(stream.channels, MAX_CHANNELS)
    return encoder


def _time_s(packet: "Packet[Any]") -> float:
    moment = packet.dts if packet.dts is not None else packet.pts
    return float((moment or 0) * packet.time_base)
