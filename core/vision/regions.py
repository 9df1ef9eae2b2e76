"""Where masks lie, and how strong each has to be: from the boxes of faces to whole pixels."""

import math
from dataclasses import dataclass, replace
from typing import Self

from core.contract import region_options
from core.contract.options import CoverOptions, Method, Strength
from core.contract.region_options import Regions
from core.contract.reports import Box, Face, LandmarkPoints

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
# What `cover=head` adds to the box of a head that is surely upright, in heights of the box, before any padding.
# measured by eye, 58 portraits and faces of WIDER FACE: hair ends 0.1 to 0.4 above the box, a cap up to 0.6, a beard
# 0.05 below it. From the front hair and ears reach 0.15 to 0.4 widths beyond its sides; of a turned head the back lies
# 1.15 to 1.28 heights from the box's other side, whether it is seen half or in profile
HEAD_ABOVE = 0.4
HEAD_BELOW = 0.1
HEAD_WIDTH = 1.25
# How far the nose lies beside the middle of a face in profile, in distances of the eyes to the mouth.
# measured, the same faces: 0.34 to 0.46; with one side of the head still to be seen 0.15 to 0.3
PROFILE_TURN = 0.35
# What it adds all around any other, in its longer sides.
# measured, tests/core/vision/test_heads.py: with the default padding it holds a head turned by any angle
HEAD_AROUND = 0.5


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

    def raised(self, method: Method, strength: Strength, longer: int) -> int:
        """Return the strength that is applied to a region whose longer side has so many pixels; of auto, the least."""
        if strength == "auto":
            strength = 1
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
    means: whether a blur works on the means of cells, which can't be sharpened back. face_side: the longer side of the
    face that it covers, before it grew.
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
    face_side: float

    @property
    def longer(self) -> int:
        return max(self.right - self.left, self.bottom - self.top)

    @property
    def area(self) -> int:
        return (self.right - self.left) * (self.bottom - self.top)


def policy_of(options: CoverOptions, usual: MaskPolicy) -> MaskPolicy:
    """Return the policy of a call: `auto` asks for what hides a face, where weak masks are allowed, too."""
    return STRONG if options.strength == "auto" else usual


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


def plan_requested(
    requested: Regions, options: CoverOptions, policy: MaskPolicy, size: tuple[int, int]
) -> tuple[Region, ...]:
    """Make the masks of regions that a caller has named: as large as asked for, rounded outwards.

    InvalidOption for one that lies outside of the picture.
    """
    region_options.refuse_outside(requested, size)
    return tuple(_requested(one.box(size), options, policy, size) for one in requested)


def region(face: Face, options: CoverOptions, policy: MaskPolicy, size: tuple[int, int]) -> Region | None:
    """Make the region that covers a face, or None when no pixel of it is in the picture.

    The box grows to that of the head if that is asked for, and by the padding; it is rounded outwards to whole pixels
    and clipped. Outwards, because a mask may cover a pixel too many but never one too few.
    """
    growth = _growth(face, options, policy)
    x1, y1, x2, y2 = face.box[0] - growth[0], face.box[1] - growth[1], face.box[2] + growth[2], face.box[3] + growth[3]
    left, top = max(0, math.floor(x1)), max(0, math.floor(y1))
    right, bottom = min(size[0], math.ceil(x2)), min(size[1], math.ceil(y2))
    if left >= right or top >= bottom:
        return None
    return Region(
        left=left,
        top=top,
        right=right,
        bottom=bottom,
        centre=((x1 + x2) / 2, (y1 + y2) / 2),
        half_axes=((x2 - x1) / 2, (y2 - y1) / 2),
        method=options.method,
        strength=policy.raised(options.method, options.strength, max(right - left, bottom - top)),
        means=policy.means,
        face_side=max(_width(face), face.box[3] - face.box[1]),
    )


def _width(face: Face) -> float:
    """Return the width of a face, whole where its box is a part of it."""
    return face.box[2] - face.box[0] if face.whole_width is None else face.whole_width


def _growth(face: Face, options: CoverOptions, policy: MaskPolicy) -> Box:
    """Return by how many pixels a box grows to the left, up, to the right and down."""
    width, height = _width(face), face.box[3] - face.box[1]
    padding = policy.padded(options.method, options.padding, face)
    across, down = width * padding, height * padding
    if options.cover == "face" or face.drawn:
        return across, down, across, down
    if face.landmarks is None or not surely_upright(face):
        around = HEAD_AROUND * max(width, height)
        across, down = max(across, around + width * options.padding), max(down, around + height * options.padding)
        return across, down, across, down
    left, top, right, bottom = _head(face.landmarks, width, height)
    if options.method == "elliptical":  # to the same on both sides: the chin of a profile is in a corner
        left = right = max(left, right)
    return left + across, top + down, right + across, bottom + down


def _head(landmarks: LandmarkPoints, width: float, height: float) -> Box:
    """Return by how much the box of an upright head goes beyond its face's, of this size: left, up, right, down."""
    left_eye, right_eye, nose, left_mouth, right_mouth = landmarks
    eyes = (left_eye[0] + right_eye[0]) / 2, (left_eye[1] + right_eye[1]) / 2
    mouth = (left_mouth[0] + right_mouth[0]) / 2, (left_mouth[1] + right_mouth[1]) / 2
    length = math.dist(eyes, mouth) or 1.0
    up = (eyes[0] - mouth[0]) / length, (eyes[1] - mouth[1]) / length
    # Of the nose from the middle, along the line of the eyes: a head that looks to the right has its back on the left.
    aside = (nose[0] - (eyes[0] + mouth[0]) / 2) * -up[1] + (nose[1] - (eyes[1] + mouth[1]) / 2) * up[0]
    turn = min(1.0, max(-1.0, aside / length / PROFILE_TURN))
    beside, above = max(0.0, HEAD_WIDTH * height - width), HEAD_ABOVE * height
    # The hair of a head that leans lies to that side.
    left = beside * (1 + turn) / 2 + max(0.0, -up[0]) * above
    right = beside * (1 - turn) / 2 + max(0.0, up[0]) * above
    return left, max(0.0, -up[1]) * above, right, HEAD_BELOW * height


def _requested(box: Box, options: CoverOptions, policy: MaskPolicy, size: tuple[int, int]) -> Region:
    left, top = max(0, math.floor(box[0])), max(0, math.floor(box[1]))
    # At least a pixel: edges of shares may fall together.
    right, bottom = min(size[0], max(left + 1, math.ceil(box[2]))), min(size[1], max(top + 1, math.ceil(box[3])))
    return Region(
        left=left,
        top=top,
        right=right,
        bottom=bottom,
        centre=((left + right) / 2, (top + bottom) / 2),
        half_axes=((right - left) / 2, (bottom - top) / 2),
        # An ellipse would leave the corners of what is to be hidden.
        method="gaussian" if options.method == "elliptical" else options.method,
        strength=policy.raised(options.method, options.strength, max(right - left, bottom - top)),
        means=policy.means,
        face_side=max(right - left, bottom - top),
    )
