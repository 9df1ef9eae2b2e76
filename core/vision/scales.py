"""How finely a picture is searched: how many pixels of the network's input one pixel of the picture becomes.

A scale follows from the smallest face that has to be seen and from the picture's area, never from its longer side: a
panorama and a screenshot of a long page are searched as finely as a photograph of as many pixels.
"""

import math

import numpy as np

# The promise of a balanced search: up to so many pixels, faces from this side on. 12 megapixels, and an eighth more for
# panoramas, which are continued across their seam.
PROMISED = ((13_500_000, 32), (math.inf, 48))
# Of the larger pass of a balanced search, in pixels of the input, for a picture of a megapixel.
# measured, 161 pictures: a pass of 2.4 times 640 brings the recall of hard faces at .5 / .4 / .3 from .814 / .857 /
# .879 (1.6 times) to .831 / .873 / .897, with as many false ones; 3 times brings no more
BUDGET = 1_770_000
# chosen: from 1 to 12 megapixels the budget grows by this power of the area, to six times the work of a small picture
BUDGET_GROWTH = 0.47
BUDGET_GROWS = (1_000_000, 12_000_000)
# Of a picture that the nominal input holds. chosen: two and a half times the work of its main pass
SMALL_PICTURE = 1.25
SMOOTH = 1.25  # chosen: from the nominal input up to so many times it, the pass grows without a step
MAX_UPSCALING = 2.4  # measured: enlarged more, small pictures show nothing more
# A coarser level is this many times coarser: faces from 300 pixels of one are 75 pixels of the next.
LEVEL_STEP = 4
# chosen: a face that fills the shorter side is seen as a whole on the coarsest level
COARSEST_SIDE = 213


def balanced(width: int, height: int, nominal: int, min_face: int) -> float:
    """Return the finest scale of a balanced search.

    nominal: the longer side of the main pass; min_face: the side of a face that the network sees, on its input.
    """
    longer, area = max(width, height), width * height
    enlarged = np.interp(longer, (nominal, SMOOTH * nominal), (SMALL_PICTURE, MAX_UPSCALING)) * nominal / longer
    if longer <= nominal:
        return float(enlarged)
    low, high = BUDGET_GROWS
    budget = BUDGET * (nominal / 640) ** 2 * (min(max(area, low), high) / low) ** BUDGET_GROWTH
    promised = next(side for most, side in PROMISED if area <= most)
    return float(max(min(math.sqrt(budget / area), MAX_UPSCALING, enlarged), min_face / promised))


def levels(width: int, height: int, finest: float, nominal: int) -> list[float]:
    """Return the scales of a balanced search beyond its main pass, the finest first.

    Coarser ones are for faces that are too large for the finest and too small for the main pass: in strips, whose main
    pass is a ribbon.
    """
    scales = [finest]
    ribbon = min(width, height) * nominal / max(width, height) < COARSEST_SIDE
    while ribbon and min(width, height) * scales[-1] > COARSEST_SIDE:
        scales.append(scales[-1] / LEVEL_STEP)
    return scales
