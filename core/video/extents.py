"""Whether a file is as long as it says, and declares no more than videos have: judged before FFmpeg reads it."""

import io
from typing import BinaryIO

from core.video import elements, indexes
from core.video.signatures import Container


def judge(file: BinaryIO, container: Container) -> None:
    """Raise InvalidVideo for a file that is cut off, or whose index declares too much."""
    size = file.seek(0, io.SEEK_END)
    if container in {"mkv", "webm"}:
        elements.judge(file, size)
    else:
        indexes.judge(file, size)
