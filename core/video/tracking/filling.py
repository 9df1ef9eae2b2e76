"""The boxes of a track where its face was not seen: between two sights, and a while before and after all of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.video.tracking import association, motions
from core.video.tracking.motions import Fields
from core.video.tracking.overlaps import Values

# Beyond the first and the last sight, for a face that was there before it was found: where its surroundings move, or,
# where their motion is not known, straight on. measured, half of the pictures of tests/bench/video.py: after 0.3, 1 and
# 2 s of following .979, .980 and .984 of all sights are covered, with 4.0, 4.6 and 5.0 needless masks a frame
FOLLOWED_S, PROLONGATION_S = 2.0, 0.3
# Of a face that is never sure, for PROLONGATION_S and this share of the time over which it was seen. measured, the same
# pictures, searched as they are now: with 1, 2.5 and always 2 s .9998, 1 and 1 are covered, with 8.2, 8.5 and 8.9
FOLLOWED_SHARE = 1.0
# By what share of its sides a box grows on every side, for each second since the nearest sight, and at most.
# chosen: at the end of two seconds a mask is 1.6 times as wide. measured: with 1 instead of 0.7 masks change their size
# by 2.06 % of the face's side a frame, beyond what the face does, instead of 2.00 %
FOLLOWED_GROWTH_PER_S, GROWTH_PER_S, MAX_GROWTH = 0.15, 0.7, 0.3


@dataclass(frozen=True)
class Motion:
    """How a scene moves. fields: (n, …), that lead to each of its frames; size: width, height of the frames."""

    fields: Fields
    size: tuple[int, int]

    def before(self, box: Values, position: int, first: int) -> Values:
        """Return where the box of a frame was in the frames from `first` on, (m, 4)."""
        # Backwards, what came from somewhere goes there; the field is that of the place where it went.
        back = -self.fields[first + 1 : position + 1][::-1]
        return motions.carried(box, back, self.size)[::-1]

    def after(self, box: Values, position: int, last: int) -> Values:
        """Return where the box of a frame is in the frames up to and without `last`, (m, 4)."""
        return motions.carried(box, self.fields[position + 1 : last], self.size)


@dataclass(frozen=True)
class Sights:
    """Where a face was seen. positions: (n,) of the frames in a scene, rising; boxes: (n, 4); confidences: (n,)."""

    positions: NDArray[np.intp]
    boxes: Values
    confidences: Values


@dataclass(frozen=True)
class Filled:
    """The boxes of a face in every frame. positions: (m,) of the frames; boxes: (m, 4); seen: (m,), or filled in."""

    positions: NDArray[np.intp]
    boxes: Values
    confidences: Values
    seen: NDArray[np.bool_]


def filled(times: Values, sights: Sights, motion: Motion | None, *, sure: bool) -> Filled:
    """Fill in the boxes of a face that was seen at some positions of a scene.

    times: of all frames of the scene; motion: of it, None where that is not known; sure: whether any sight is.
    """
    positions, boxes = sights.positions, sights.boxes
    seen_at = times[positions]
    followed_s = FOLLOWED_S if motion else PROLONGATION_S
    if not sure:
        followed_s = min(followed_s, PROLONGATION_S + FOLLOWED_SHARE * float(seen_at[-1] - seen_at[0]))
    margin = followed_s + 1e-6
    first = min(int(np.searchsorted(times, seen_at[0] - margin, side="left")), int(positions[0]))
    last = max(int(np.searchsorted(times, seen_at[-1] + margin, side="right")), int(positions[-1]) + 1)
    every = np.arange(first, last)
    moments = times[every]
    between = np.stack([np.interp(moments, seen_at, edge) for edge in boxes.T], axis=1)
    if motion:
        between[: positions[0] - first] = motion.before(boxes[0], int(positions[0]), first)
        between[positions[-1] + 1 - first :] = motion.after(boxes[-1], int(positions[-1]), last)
    else:
        for beyond, at_end in ((seen_at[0] - moments, False), (moments - seen_at[-1], True)):
            speed = association.velocity(seen_at.tolist(), boxes, at_end=at_end) * (1 if at_end else -1)
            between += np.maximum(beyond, 0)[:, None] * np.tile(speed, 2)
    beyond = (moments < seen_at[0]) | (moments > seen_at[-1])
    slowly = beyond if motion else np.zeros(len(every), bool)
    rates = np.where(slowly, FOLLOWED_GROWTH_PER_S, GROWTH_PER_S)
    grown = _grown(between, rates * _doubt_s(moments, seen_at))
    seen = np.isin(every, positions)
    grown[seen] = boxes
    return Filled(every, grown, np.interp(moments, seen_at, sights.confidences), seen)


def _doubt_s(moments: Values, sights: Values) -> Values:
    """Return how many seconds the nearest sight is away from each moment."""
    after = np.searchsorted(sights, moments).clip(0, len(sights) - 1)
    before = (after - 1).clip(0)
    return np.asarray(np.minimum(np.abs(moments - sights[after]), np.abs(moments - sights[before])))


def _grown(boxes: Values, shares: Values) -> Values:
    margins = np.minimum(shares, MAX_GROWTH)[:, None] * (boxes[:, 2:] - boxes[:, :2])
    return np.hstack([boxes[:, :2] - margins, boxes[:, 2:] + margins])
