"""What every step of a video works with, and the codes that its objects are written in."""

import gzip
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, cast

from core.batches.videos.steps import StepLease
from core.database.engine import SessionFactory
from core.storage.base import ObjectStore
from core.video import frames, media
from core.video.encoding import VideoOutput
from core.video.frames import VideoFrame
from core.video.media import VideoHeader, VideoLimits
from core.video.segments import Segment
from worker.runtime import Runtime
from worker.videos.turns import Turns

# chosen: hardly to be told from the original, in each encoder's own scale
DEFAULT_CRF = {"libx264": 20, "libvpx-vp9": 32}
JSON_TYPE = "application/gzip"


@dataclass(frozen=True)
class Work:
    """A step, and what its process has to do it with."""

    lease: StepLease
    runtime: Runtime
    store: ObjectStore
    sessions: SessionFactory
    turns: Turns

    @contextmanager
    def source(self) -> Iterator[tuple[BinaryIO, VideoHeader]]:
        """Open the video, which was probed before, and read its header."""
        with self.store.open(self.lease.source_key) as file:
            header = media.read_header(file, limits(self.runtime))
            file.seek(0)
            yield file, header

    def frames(self, file: BinaryIO, header: VideoHeader) -> Iterator[VideoFrame]:
        """Read the frames of the step's segment, the first, which has to be looked for, beside calls."""
        found = frames.read(file, header, Segment(**self.lease.segment))
        yield self.turns.beside(lambda: next(found))
        yield from found

    def put_file(self, key: str, file: BinaryIO, content_type: str) -> None:
        """Store a file, from its beginning, beside calls."""
        file.seek(0)
        self.turns.beside(lambda: self.store.put_from(key, file, content_type))

    def put_json(self, key: str, value: Any) -> None:
        """Store a value, the same bytes for the same value."""
        self.store.put(key, packed(json.dumps(value, separators=(",", ":"))), JSON_TYPE)

    def put_lines(self, key: str, lines: Iterable[str]) -> None:
        """Store lines of text, the same bytes for the same lines; calls have their turns meanwhile."""
        with temporary_file() as out:
            with gzip.GzipFile(fileobj=out, mode="wb", filename="", mtime=0) as packed_lines:
                for line in lines:
                    packed_lines.write(f"{line}\n".encode())
                    self.turns.give()
            self.put_file(key, out, JSON_TYPE)

    def get_json(self, key: str) -> Any:
        return json.loads(gzip.decompress(self.store.get(key)))

    def get_lines(self, key: str) -> Iterator[str]:
        """Yield the lines of a text, one of which is held at a time."""
        with self.store.open(key) as packed_lines, gzip.open(packed_lines, "rt") as lines:
            yield from lines


def limits(runtime: Runtime) -> VideoLimits:
    """Return how large a video may be."""
    settings = runtime.settings
    return VideoLimits(max_duration_s=settings.max_video_s)


def output(work: "Work", header: VideoHeader) -> VideoOutput:
    """Return how the masked video is written."""
    options, allowed = work.lease.options, work.runtime.settings.video_gpl_encoders
    asked = VideoOutput(options.format, audio=options.audio, gpl_encoders=allowed)
    crf = DEFAULT_CRF[asked.encoder(header)] if options.crf is None else options.crf
    return replace(asked, crf=crf)


def packed(text: str) -> bytes:
    """Compress a text; no time of day goes into it."""
    return gzip.compress(text.encode(), mtime=0)


@contextmanager
def temporary_file() -> Iterator[BinaryIO]:
    """Open a file without a name, which is gone at the end.

    What it holds is masked, or was not in the video, but for the means of 16 x 9 parts of a frame.
    """
    with tempfile.TemporaryFile() as file:
        yield cast(BinaryIO, file)
