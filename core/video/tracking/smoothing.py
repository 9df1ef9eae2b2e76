"""Where masks lie in each frame: regions that move as smoothly as the face, and hold all of it.

The box that a network finds trembles by some per cent of its side from frame to frame. A region follows the smooth part
of a track's motion, and is as much larger as the boxes around it reach beyond that.
"""

from collections.abc import Iterable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from core.video.tracking import tracks
from core.video.tracking.tracks import Track
from core.vision.boxes import Boxes

Edges = NDArray[np.float64]

# Frames before and after, of which a region holds the boxes. measured, the clips of tests/bench/video.py: with 1 it
# covers .957 of the sights of faces, with 2 .965, and a seventh more of the picture
NEIGHBOURS = 2
# Frames before and after, over which the motion is smoothed; over which the margin is held, and smoothed too.
# measured, the same: with a margin over 4, 8 and 12 frames a mask changes its size by .021, .018 and .017 of the face's
# side a frame, beyond what the face does; 12 cover 7 % more than 4
MOTION, MARGIN = 4, 12
REACH = MOTION + 2 * MARGIN  # how many of a track's boxes before and after one its region depends on


def regions(linked: Iterable[Track], frames: range) -> list[Boxes]:
    """Return the boxes to mask in each of some frames, (n, 4), by the tracks' order.

    Each holds the track's own box of its frame; it may reach beyond the picture.
    """
    boxes: list[list[Boxes]] = [[] for _ in frames]
    for track, rows in tracks.within(linked, frames):
        before = max(0, rows.start - REACH)
        smoothed = smooth(track.boxes[before : rows.stop + REACH])[rows.start - before :]
        for frame, box in zip(track.frames[rows.start : rows.stop].tolist(), smoothed, strict=False):
            boxes[frame - frames.start].append(box)
    return [np.array(rows, np.float32).reshape(-1, 4) for rows in boxes]


def smooth(boxes: Boxes) -> Boxes:
    """Return the regions of a track's boxes in successive frames, (m, 4): each holds its box."""
    signs = np.array([1, 1, -1, -1])  # so that every edge is one that has to be small enough
    edges = boxes.astype(np.float64) * signs
    motion = _mean(_extended(edges, MOTION), MOTION)
    # The least of a window, averaged over windows that all hold the frame, is at most the frame's own.
    held = _least(_least(edges, NEIGHBOURS) - motion, MARGIN)
    margins = _mean(np.pad(held, ((MARGIN, MARGIN), (0, 0)), mode="edge"), MARGIN)
    smoothed = ((motion + margins) * signs).astype(np.float32)
    # Not by a rounding less than what was found.
    return np.hstack([np.minimum(smoothed[:, :2], boxes[:, :2]), np.maximum(smoothed[:, 2:], boxes[:, 2:])])


def _extended(edges: Edges, by: int) -> Edges:
    """Continue a sequence at both ends as it goes there: turned round the end's own point."""
    if len(edges) == 1:
        return np.repeat(edges, 2 * by + 1, axis=0)
    return np.pad(edges, ((by, by), (0, 0)), mode="reflect", reflect_type="odd")


def _mean(extended: Edges, by: int) -> Edges:
    """Return the mean over a window of `by` rows on either side; the sequence comes with so many more at both ends."""
    return np.asarray(sliding_window_view(extended, 2 * by + 1, axis=0).mean(axis=-1))


def _least(edges: Edges, by: int) -> Edges:
    """Return the least over a window of `by` rows on either side, cut at the ends."""
    padded = np.pad(edges, ((by, by), (0, 0)), constant_values=np.inf)
    return np.asarray(sliding_window_view(padded, 2 * by + 1, axis=0).min(axis=-1))
