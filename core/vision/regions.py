"""Where masks lie, and how strong each has to be: from the boxes of faces to whole pixels."""

import math
from dataclasses import dataclass, replace
from typing import Self

from core.contract.options import CoverOptions, Method
from core.contract.reports import Face

# The most cells across the longer side of a region; fewer than that, it is an odd number too.
# measured, portraits of 32 to 256 pixels: with 8 none is detected any more, but a recogniser that knows the method has
# an AUC of 0.67 to 0.70, with 6 and 4 of 0.68, with 7 of 0.51, with 5 and 3 of 0.60: with an odd number no line of the
# grid lies on the centre of the face
MAX_CELLS = 7
MIN_CELL = 2  # one pixel alone would be its own mean
# The least kernel of the blur, as a multiple of the region's longer side.
# measured, portraits of 32 to 256 pixels: 1.0 leaves a recogniser that knows the method an AUC of 0.72, 1.25 one of
# 0.68, 1.5 one of 0.64; black boxes leave it 0.70
MIN_KERNEL = 1.5
# The least padding of an ellipse around a head that is surely upright, and around any other.
# measured, tests/core/vision/test_ovals.py: heads turned by 0 to 360 degrees, the oval of each seen upright. Up to 30
# degrees an ellipse of 1.25 times the detected box holds it, lying on the side of 1.53, upside down of 1.89, because
# there the network puts box and landmarks as if the head were upright; but at a confidence below 0.8, and mostly with a
# box that is wider than an upright head's
UPRIGHT_PADDING = 0.15
ANY_PADDING = 0.45
UPRIGHT_CONFIDENCE = 0.8
UPRIGHT_WIDTH = 0.8  # the most, in heights of the box
UPRIGHT_DEGREES = 30


@dataclass(frozen=True)
class MaskPolicy:
    """How weak a mask may be. max_cells: across the longer side; min_kernel: in longer sides; 0: any.

    upright_padding, any_padding: the least of an ellipse, around a head that is surely upright and any other.
    means: whether a blur works on the means of cells.
    """

    max_cells: int
    min_kernel: float
    upright_padding: float
    any_padding: float
    means: bool

    def raised(self, method: Method, strength: int, longer: int) -> int:
        """Return the strength that is applied to a region whose longer side has so many pixels."""
        if method == "solid":
            return strength
        if method == "pixelate":
            if not self.max_cells:
                return strength
            return _odd_cells(max(strength, MIN_CELL, -(-longer // self.max_cells)), longer)
        return max(strength, round(longer * self.min_kernel)) | 1

    def padded(self, method: Method, padding: float, face: Face) -> float:
        """Return the padding that is applied to a face."""
        if method != "elliptical":
            return padding
        return max(padding, self.upright_padding if surely_upright(face) else self.any_padding)

    def strengthened(self, factor: int) -> Self:
        """Return the policy of so many times the strength."""
        return replace(self, max_cells=max(1, self.max_cells // factor), min_kernel=self.min_kernel * factor)


STRONG = MaskPolicy(MAX_CELLS, MIN_KERNEL, UPRIGHT_PADDING, ANY_PADDING, means=True)
# What is asked for, and a plain Gaussian: faces stay recognisable.
AS_ASKED = MaskPolicy(0, 0, 0, 0, means=False)


@dataclass(frozen=True)
class Region:
    """One mask. left, top, right, bottom: whole pixels, half-open, within the picture.

    centre, half_axes: of the ellipse, x and y in pixels. strength: as it is applied.
    means: whether a blur works on the means of cells, which can't be sharpened back.
    """

    left: int
    top: int
    right: int
    bottom: int
    centre: tuple[float, float]
    half_axes: tuple[float, float]
    method: Method
    strength: int
    means: bool

    @property
    def longer(self) -> int:
        return max(self.right - self.left, self.bottom - self.top)

    @property
    def area(self) -> int:
        return (self.right - self.left) * (self.bottom - self.top)


def _odd_cells(cell: int, longer: int) -> int:
    """Enlarge a cell until an odd number of them, the last perhaps cut, lies across."""
    while (cells := -(-longer // cell)) % 2 == 0:
        cell = -(-longer // (cells - 1))
    return cell


def surely_upright(face: Face) -> bool:
    """Return whether a head leans little, by the line from between the eyes to the centre of the mouth."""
    x1, y1, x2, y2 = face.box
    wide = x2 - x1 > UPRIGHT_WIDTH * (y2 - y1)
    if face.landmarks is None or wide or face.confidence < UPRIGHT_CONFIDENCE:
        return False
    left_eye, right_eye, _, left_mouth, right_mouth = face.landmarks
    across = (left_mouth[0] + right_mouth[0] - left_eye[0] - right_eye[0]) / 2
    down = (left_mouth[1] + right_mouth[1] - left_eye[1] - right_eye[1]) / 2
    return abs(math.degrees(math.atan2(across, down))) <= UPRIGHT_DEGREES


def plan(
    faces: tuple[Face, ...], options: CoverOptions, policy: MaskPolicy, size: tuple[int, int]
) -> tuple[Region, ...]:
    """Make the regions that cover faces of a picture of this (width, height); what lies outside of it has none."""
    planned = (region(face, options, policy, size) for face in faces)
    return tuple(one for one in planned if one is not None)


def region(face: Face, options: CoverOptions, policy: MaskPolicy, size: tuple[int, int]) -> Region | None:
    """Make the region that covers a face, or None when no pixel of it is in the picture.

    The box grows by the padding on each side, is rounded outwards to whole pixels and clipped. Outwards, because a
    mask may cover a pixel too many but never one too few.
    """
    padding = policy.padded(options.method, options.padding, face)
    x1, y1, x2, y2 = face.box
    across, down = (x2 - x1) * padding, (y2 - y1) * padding
    left, top = max(0, math.floor(x1 - across)), max(0, math.floor(y1 - down))
    right, bottom = min(size[0], math.ceil(x2 + across)), min(size[1], math.ceil(y2 + down))
    if left >= right or top >= bottom:
        return None
    return Region(
        left=left,
        top=top,
        right=right,
        bottom=bottom,
        centre=((x1 + x2) / 2, (y1 + y2) / 2),
        half_axes=((x2 - x1) / 2 + across, (y2 - y1) / 2 + down),
        method=options.method,
        strength=policy.raised(options.method, options.strength, max(right - left, bottom - top)),
        means=policy.means,
    )
