"""Between the two passes: the faces of all segments become tracks, and tracks become what is masked in each frame."""

import numpy as np

from core.batches.videos import objects, steps
from core.batches.videos.steps import StepResult
from core.video import scenes
from core.video.segments import Segment
from core.video.tracking import smoothing, tracks
from core.video.tracking.motions import Fields
from core.video.tracking.tracks import Evidence, FrameFaces
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
    faces, cuts, fields = _found(work, len(planned))
    mask = work.lease.options.mask
    evidence = Evidence(fields, weak=mask.doubtful == "mask" and mask.review_confidence is None)
    linked = work.turns.beside(lambda: tracks.link(faces, cuts, *size, evidence))
    boxes = work.turns.beside(lambda: smoothing.regions(linked, len(faces)))
    keys = [objects.links(video_id)]
    work.put_lines(keys[0], tracks.lines(linked, faces))
    for segment in planned:
        key = objects.masks(video_id, segment.index)
        of_segment = boxes[segment.start_frame : segment.start_frame + segment.frames]
        work.put_json(key, [one.round(2).tolist() for one in of_segment])
        keys.append(key)
        work.turns.give()
    values = {"faces_tracked": len(linked), "interpolated_share": round(tracks.interpolated_share(linked), 4)}
    return StepResult(values, keys=keys)


def _found(work: Work, segments: int) -> tuple[list[FrameFaces], frozenset[int], Fields | None]:
    """Return what was found in each frame of the video, which frames begin a scene, and the motion to each.

    The motion is None where it is not known of every segment.
    """
    faces: list[FrameFaces] = []
    thumbnails, fields = list[Pixels](), list[Fields | None]()
    for segment in range(segments):
        found = work.get_json(objects.faces(work.lease.video_id, segment))
        faces += [searching.read(entry) for entry in found["frames"]]
        thumbnails.append(searching.read_thumbnails(found["thumbnails"]))
        fields.append(searching.read_fields(found.get("motion")))
        work.turns.give()
    known = [field for field in fields if field is not None]
    motion = np.concatenate(known) if len(known) == segments else None
    return faces, scenes.cuts(np.concatenate(thumbnails)), motion
