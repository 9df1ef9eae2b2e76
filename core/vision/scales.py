"""How finely a picture is searched: how many pixels of the network's input one pixel of the picture becomes.

A scale follows from the smallest face that has to be seen and from the picture's area, never from its longer side: a
panorama and a screenshot of a long page are searched as finely as a photograph of as many pixels.
"""

import itertools
import math
import operator

import numpy as np

from core.vision import tiles

# The promise of a balanced search: up to so many pixels, faces from this side on. 12 megapixels, and an eighth more for
# panoramas, which are continued across their seam.
PROMISED = ((13_500_000, 32), (math.inf, 48))
# Of the larger pass of a balanced search, in pixels of the input, for a picture of a megapixel.
# measured, 161 pictures: a pass of 2.4 times 640 brings the recall of hard faces at .5 / .4 / .3 from .814 / .857 /
# .879 (1.6 times) to .831 / .873 / .897, with as many false ones; 3 times brings no more. So much lets tall pictures
# have 2.4 times, too: where only parts are looked at, 216 pictures take no more work, and AP of hard faces is .908
# rather than .906
BUDGET = 2_200_000
# chosen: from 1 to 12 megapixels the budget grows by this power of the area, to six times the work of a small picture
BUDGET_GROWTH = 0.47
BUDGET_GROWS = (1_000_000, 12_000_000)
# Of a picture that the nominal input holds. chosen: two and a half times the work of its main pass
SMALL_PICTURE = 1.25
SMOOTH = (0.75, 1.25)  # chosen: between so many times the nominal input, the pass grows hardly faster than the picture
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
    shown = np.interp(math.log(longer / nominal), np.log(SMOOTH), np.log((SMALL_PICTURE, MAX_UPSCALING)))
    enlarged = math.exp(shown) * nominal / longer
    if longer <= nominal:
        return float(enlarged)
    low, high = BUDGET_GROWS
    budget = BUDGET * (nominal / 640) ** 2 * (min(max(area, low), high) / low) ** BUDGET_GROWTH
    # A larger picture gets no less work than the largest of the finest promise.
    most, side = PROMISED[0]
    kept = min_face / side * math.sqrt(min(1, most / area))
    return float(max(min(math.sqrt(budget / area), MAX_UPSCALING, enlarged), kept, promised(width, height, min_face)))


def promised(width: int, height: int, min_face: int) -> float:
    """Return the scale at which a balanced search sees the smallest face that it promises to find."""
    return min_face / next(side for most, side in PROMISED if width * height <= most)


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


# --- a thorough search -------------------------------------------------------------------------------

# How many times the nominal size its finest level is at least. measured: at 4 times it finds little more than at 3
FINE = 3
# How many times larger than its own pixels it shows a picture of so many pixels, where the work allows it; between
# them by a power of the area. measured, 108 photographs of 1 megapixel: AP of the hard faces .932 at 2 times, .927 at
# 2.6. Collages of 24 megapixels of photographs of 1,000 / 750 / 500 pixels: of the faces that it finds in each alone,
# .960 / .968 / .896; at 2.3 times with two close steps, for the same work, .950 / .961 / .882
ZOOM_AREAS, ZOOM = (1e6, 24e6), (2.0, 2.15)
MAX_ENLARGED = 4  # chosen: enlarged more than so many times, a picture shows nothing more
# chosen: pixels of the input for all levels of a picture of a megapixel; and by which power of the area they grow,
# together with the main passes: somewhat faster than the area itself
LEVELS_PIXELS, GROWTH = 5_950_000, 1.14
MAIN_PASSES = 4 * 1.09  # one in each orientation, with the one for close-ups
# How many steps follow the first, and how large each may be: as small as the work allows. A small face that only one
# or two levels see scores less than one that four see.
CLOSE_STEPS, STEPS = 3, (1.4, 2.0)
# The finest level lies closer to the next: by that step to this power, from the smallest of ZOOM_AREAS to the largest.
# measured, two collages of each: .975 / .949 / .886 -> .984 / .971 / .902 of the faces, for a seventh more work
FIRST_STEP = (1.0, 0.5)
WIDE_STEP = 2.3  # chosen: a face that is too large for one level is found on the next coarser one
# Times the nominal size; measured, 216 photographs: from .75 on 2.4 needless boxes a picture, and no hard face more
COARSEST = 1.0
# chosen: where the work has a limit, it is so many times that of the finest level
LEVELS_WORK = 2.3
BISECTIONS = 10


def thorough(width: int, height: int, nominal: int, affordable: float) -> list[float]:
    """Return the scales of a thorough search beyond its main passes, the finest first; affordable: pixels of the input.

    The finest levels lie as close as the work allows. Of a tiny picture it is only that of the main pass again.
    """
    longer, area = max(width, height), width * height
    main = MAIN_PASSES * area * (nominal / longer) ** 2
    budget = min(affordable, (LEVELS_PIXELS + main) * (area / 1e6) ** GROWTH - main)
    coarsest = COARSEST * nominal / longer
    zoom = math.exp(np.interp(math.log(area), np.log(ZOOM_AREAS), np.log(ZOOM)))
    first = np.interp(math.log(area), np.log(ZOOM_AREAS), FIRST_STEP)
    finest = min(math.sqrt(affordable / LEVELS_WORK / area), max(nominal * FINE / longer, zoom), MAX_ENLARGED)

    def with_step(step: float) -> list[float]:
        steps = itertools.chain([1, step**first], [step] * CLOSE_STEPS, itertools.repeat(WIDE_STEP))
        scales = (finest / many for many in itertools.accumulate(steps, operator.mul))
        return list(itertools.takewhile(lambda level: level >= coarsest, scales))

    closest, widest = STEPS
    for _ in range(BISECTIONS):
        step = (closest + widest) / 2
        work = sum(tiles.grid(width, height, level, tiles.CLOSE_OVERLAP).pixels for level in with_step(step))
        closest, widest = (closest, step) if work <= budget else (step, widest)
    return with_step(widest) or [nominal / longer]
