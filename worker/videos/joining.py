"""The end of a video's way: its segments become one file, and what verification found is added to the tracks."""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, BinaryIO

from core.batches.videos import objects, steps
from core.batches.videos.steps import StepResult
from core.video import joining
from worker.videos import steps as worker_steps
from worker.videos.steps import Work, temporary_file

TYPES = {"mp4": "video/mp4", "webm": "video/webm"}


def join(work: Work) -> StepResult:
    """Join the masked segments and the sound, and store the result, whole, and its tracks."""
    video_id = work.lease.video_id
    with work.sessions() as session:
        count = len(steps.segments(session, video_id))
    tracks = objects.tracks(video_id)
    work.put_lines(tracks, _lines(work, count))
    with work.source() as (source, header), temporary_file() as out:
        output = worker_steps.output(work, header)
        suffix = output.container(header)
        work.turns.beside(lambda: joining.join(_parts(work, count), source, header, output, out))
        size = out.seek(0, 2)
        key = objects.result(video_id, suffix)
        work.put_file(key, out, TYPES[suffix])
    return StepResult({"result_key": key, "result_size_bytes": size}, keys=[key, tracks])


def _parts(work: Work, segments: int) -> Iterator[BinaryIO]:
    """Open the masked segments, one after the other."""
    for number in range(segments):
        with work.store.open(objects.part(work.lease.video_id, number)) as part:
            yield part


def _lines(work: Work, segments: int) -> Iterator[str]:
    """Yield the lines of the tracks, with the faces that only verification has found; they have no track."""
    video_id = work.lease.video_id
    more: dict[int, list[Any]] = defaultdict(list)
    for number in range(segments):
        for frame, (x1, y1, x2, y2), confidence in work.get_json(objects.found_again(video_id, number)):
            box = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
            more[frame].append({"track_id": None, "bbox": box, "confidence": round(confidence, 4), "seen": True})
    with work.store.open(objects.links(video_id)) as packed_lines, gzip.open(packed_lines, "rt") as unpacked:
        for text in unpacked:
            line = json.loads(text)
            line["faces"] += more.get(line["frame"], [])
            yield json.dumps(line)
