"""The boxes of a track where its face was not seen: between two sights, and a moment before and after all of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.video import association
from core.video.association import Values

PROLONGATION_S = 0.3  # chosen: beyond the first and the last sight, for a face that was there before it was found
# By what share of its sides a box grows on every side, for each second since the nearest sight, and at most.
# chosen: at the end of the prolongation a mask is 1.6 times as wide
GROWTH_PER_S, MAX_GROWTH = 1.0, 0.3


@dataclass(frozen=True)
class Filled:
    """The boxes of a face in every frame. positions: (m,) of the frames; boxes: (m, 4); seen: (m,), or filled in."""

    positions: NDArray[np.intp]
    boxes: Values
    confidences: Values
    seen: NDArray[np.bool_]


def filled(times: Values, positions: NDArray[np.intp], boxes: Values, confidences: Values) -> Filled:
    """Fill in the boxes of a face that was seen at some positions of a scene.

    times: of all frames of the scene; positions: (n,), rising; boxes: (n, 4), as seen; confidences: (n,).
    """
    sights = times[positions]
    margin = PROLONGATION_S + 1e-6
    first = int(np.searchsorted(times, sights[0] - margin, side="left"))
    last = int(np.searchsorted(times, sights[-1] + margin, side="right"))
    every = np.arange(min(first, positions[0]), max(last, positions[-1] + 1))
    moments = times[every]
    between = np.stack([np.interp(moments, sights, edge) for edge in boxes.T], axis=1)
    for beyond, at_end in ((sights[0] - moments, False), (moments - sights[-1], True)):
        speed = association.velocity(sights.tolist(), boxes, at_end=at_end) * (1 if at_end else -1)
        between += np.maximum(beyond, 0)[:, None] * np.tile(speed, 2)
    grown = _grown(between, _doubt_s(moments, sights))
    seen = np.isin(every, positions)
    grown[seen] = boxes
    return Filled(every, grown, np.interp(moments, sights, confidences), seen)


def _doubt_s(moments: Values, sights: Values) -> Values:
    """Return how many seconds the nearest sight is away from each moment."""
    after = np.searchsorted(sights, moments).clip(0, len(sights) - 1)
    before = (after - 1).clip(0)
    return np.asarray(np.minimum(np.abs(moments - sights[after]), np.abs(moments - sights[before])))


def _grown(boxes: Values, doubt_s: Values) -> Values:
    share = np.minimum(GROWTH_PER_S * doubt_s, MAX_GROWTH)[:, None]
    margins = share * (boxes[:, 2:] - boxes[:, :2])
    return np.hstack([boxes[:, :2] - margins, boxes[:, 2:] + margins])
