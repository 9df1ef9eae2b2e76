"""Between the two passes: the faces of all segments become tracks, and tracks become what is masked in each frame."""

import json
from collections.abc import Iterator, Sequence
from functools import partial

from core.batches.videos import objects, steps
from core.batches.videos.steps import StepResult
from core.video import scenes
from core.video.segments import Segment
from core.video.tracking import motions, smoothing, tracks
from core.video.tracking.faces import FoundFaces
from core.video.tracking.motions import Fields
from core.video.tracking.tracks import Evidence, Track
from worker.videos import searching
from worker.videos.steps import Work

BLOCK = 256  # chosen: so many frames' masks are made at a time


def link(work: Work) -> StepResult:
    """Link the faces of all segments, and store what each segment's frames are to be masked with."""
    video_id = work.lease.video_id
    with work.sessions() as session:
        planned = [Segment(**segment) for segment in steps.segments(session, video_id)]
    with work.source() as (_, header):
        size = header.width, header.height
    found, cuts, fields = _found(work, planned)
    mask = work.lease.options.mask
    evidence = Evidence(fields, weak=mask.doubtful == "mask" and mask.review_confidence is None)
    linked = work.turns.beside(lambda: tracks.link(found, cuts, *size, evidence))
    keys = [objects.links(video_id)]
    work.put_lines(keys[0], tracks.lines(linked, found))
    for segment in planned:
        key = objects.masks(video_id, segment.index)
        work.put_lines(key, _masks(work, linked, segment))
        keys.append(key)
    values = {"faces_tracked": len(linked), "interpolated_share": round(tracks.interpolated_share(linked), 4)}
    return StepResult(values, keys=keys)


def _masks(work: Work, linked: Sequence[Track], segment: Segment) -> Iterator[str]:
    """Yield what is to be masked in each frame of a segment, as a line of JSON."""
    end = segment.start_frame + segment.frames
    for start in range(segment.start_frame, end, BLOCK):
        block = range(start, min(start + BLOCK, end))
        for boxes in work.turns.beside(partial(smoothing.regions, linked, block)):
            yield json.dumps(boxes.round(2).tolist(), separators=(",", ":"))


def _found(work: Work, planned: Sequence[Segment]) -> tuple[FoundFaces, frozenset[int], Fields | None]:
    """Return what was found in each frame of the video, which frames begin a scene, and the motion to each.

    The motion is None where it is not known of every segment.
    """
    count = sum(segment.frames for segment in planned)
    faces, known = FoundFaces(), True
    fields, thumbnails = motions.still(count), scenes.thumbnails(count)
    for segment in planned:
        for number, seen in enumerate(searching.seen(work, segment.index), segment.start_frame):
            faces.add(seen.faces)
            thumbnails[number] = seen.thumbnail
            if seen.motion is None:
                known = False
            else:
                fields[number] = seen.motion
            work.turns.give()
        if segment.frames > 1:  # to its first frame as to its second: what was before it was not seen
            fields[segment.start_frame] = fields[segment.start_frame + 1]
    return faces, scenes.cuts(thumbnails), fields if known else None
