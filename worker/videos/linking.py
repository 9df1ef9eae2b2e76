"""Between the two passes: the faces of all segments become tracks, and tracks become what is masked in each frame."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from core.batches.videos import objects, steps
from core.batches.videos.steps import StepResult
from core.video import scenes
from core.video.segments import Segment
from core.video.tracking import motions, smoothing, tracks
from core.video.tracking.faces import FoundFaces
from core.video.tracking.motions import Fields
from core.video.tracking.tracks import Evidence
from core.vision.masks import Pixels
from worker.videos import searching
from worker.videos.steps import Work


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
        frames = range(segment.start_frame, segment.start_frame + segment.frames)
        boxes = work.turns.beside(partial(smoothing.regions, linked, frames))
        work.put_json(key, [one.round(2).tolist() for one in boxes])
        keys.append(key)
        work.turns.give()
    values = {"faces_tracked": len(linked), "interpolated_share": round(tracks.interpolated_share(linked), 4)}
    return StepResult(values, keys=keys)


def _found(work: Work, planned: Sequence[Segment]) -> tuple[FoundFaces, frozenset[int], Fields | None]:
    """Return what was found in each frame of the video, which frames begin a scene, and the motion to each.

    The motion is None where it is not known of every segment.
    """
    faces, thumbnails, known = FoundFaces(), list[Pixels](), True
    fields = motions.still(sum(segment.frames for segment in planned))
    for segment in planned:
        found = work.get_json(objects.faces(work.lease.video_id, segment.index))
        for entry in found["frames"]:
            faces.add(searching.read(entry))
        thumbnails.append(searching.read_thumbnails(found["thumbnails"]))
        measured = searching.read_fields(found.get("motion"))
        if measured is None:
            known = False
        else:
            fields[segment.start_frame : segment.start_frame + segment.frames] = measured
        work.turns.give()
    return faces, scenes.cuts(np.concatenate(thumbnails)), fields if known else None
