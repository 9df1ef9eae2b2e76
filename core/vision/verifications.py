"""Search around the masks again: a face that is still found there is masked once more, stronger.

Elsewhere nothing has changed, so there is nothing new to find. What is found around a mask is a face that the first
search has missed, or one that its mask does not hide, or a blur that looks like a face. All three are masked again;
what that doesn't remove is an error.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from core.contract import region_options
from core.contract.options import CoverOptions, Method
from core.contract.reports import Box, Face, Verification
from core.errors import ResidualFace
from core.vision import boxes, masks, regions
from core.vision.masks import MaskedPixels, Pixels
from core.vision.regions import MaskPolicy, Region

MAX_ROUNDS = 2  # of masking a face again that is found under its mask
MAX_SEARCHES = 6  # chosen: in all; a crowd that shows new faces after so many is refused
# The least confidence of a face in a masked picture, however low a call asks for faces to mask.
# measured, 18 crowded pictures: at 0.5 none of 424 faces is found again under boxes or blur, by a fast or
# a closer search; at 0.3 a hundredth of them "is", under black boxes too, and at 0.1 a fifth
MIN_RESIDUAL_CONFIDENCE = 0.5
# chosen: how much of a face's box lies in a region, or of a region in it, for it to be the face that was masked there
SAME_FACE_OVERLAP = 0.5
EXTRA_PADDING = 0.15  # chosen: as much again as the default
STRONGER = regions.STRONG.strengthened(2)

Search = Callable[[MaskedPixels, tuple[Region, ...]], tuple[Face, ...]]


@dataclass(frozen=True)
class Subject:
    """What is masked, and how. pixels: BGR, (height, width, 3), as a viewer sees them."""

    pixels: Pixels
    options: CoverOptions
    policy: MaskPolicy

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.pixels.shape[1], self.pixels.shape[0]


@dataclass(frozen=True)
class Expected:
    """Which faces may be found in the masked picture. visible: those that the caller wants to stay visible.

    kept: areas in which it wants every face to stay. nms_threshold: above this IoU a box is one of `visible`.
    only_regions: nothing but the regions is to be masked, because the caller has named a number of faces.
    """

    visible: tuple[Face, ...]
    kept: tuple[Box, ...]
    nms_threshold: float
    only_regions: bool

    def allows(self, face: Face, masked: MaskedPixels) -> bool:
        box = np.array(face.box, np.float32)
        visible = np.array([one.box for one in self.visible], np.float32).reshape(-1, 4)
        if (boxes.iou(box, visible) > self.nms_threshold).any():
            return True
        if region_options.holds(self.kept, face.box):
            return True
        return self.only_regions and _covered_share(face.box, masked) < SAME_FACE_OVERLAP


@dataclass(frozen=True)
class Covered:
    """A masked picture. missed: faces that only verification has found; verification: None without one."""

    masked: MaskedPixels
    regions: tuple[Region, ...]
    missed: tuple[Face, ...] = ()
    verification: Verification | None = None


def verify(subject: Subject, covered: Covered, expected: Expected, search: Search) -> Covered:
    """Mask again until `search` finds no face that is not expected; ResidualFace when that does not end."""
    masked, planned = covered.masked, covered.regions
    started = time.perf_counter()
    missed: tuple[Face, ...] = ()
    masked_again = again = 0
    for rounds in range(MAX_SEARCHES):
        residual = [face for face in search(masked, planned) if not expected.allows(face, masked)]
        if not residual:
            verify_ms = (time.perf_counter() - started) * 1000
            counts = {"rounds": rounds, "regions_masked_again": masked_again, "residual_faces": 0}
            return Covered(masked, planned, missed, Verification(**counts, verify_ms=verify_ms))
        new = tuple(face for face in residual if not any(_is_same_face(face.box, region) for region in planned))
        missed += new
        masked_again += len(residual)
        # In crowds each new mask shows its surroundings, and so perhaps another face that the search has missed.
        again += len(new) < len(residual)
        if again > MAX_ROUNDS:
            break
        planned = _strengthen(subject, planned, residual, last=again == MAX_ROUNDS)
        masked = masks.cover(subject.pixels, planned)
    raise ResidualFace(f"{len(residual)} still found after {rounds} more rounds of masking; no picture is answered")


def _covered_share(box: Box, masked: MaskedPixels) -> float:
    """Return the share of a box that masks cover."""
    height, width = masked.covered.shape
    left, top = (min(max(0, int(low)), side - 1) for low, side in ((box[0], width), (box[1], height)))
    part = masked.covered[top : max(top + 1, int(box[3])), left : max(left + 1, int(box[2]))]
    return float((part > 0).mean())


def _strengthen(
    subject: Subject, planned: tuple[Region, ...], residual: list[Face], *, last: bool
) -> tuple[Region, ...]:
    """Strengthen the regions in which a face was found, and lay a larger one over each; in the last round in black."""
    options = subject.options
    # An ellipse leaves the corners of its box.
    method: Method = "solid" if last else "gaussian" if options.method == "elliptical" else options.method
    harder = options.model_copy(update={"method": method, "padding": options.padding + EXTRA_PADDING})

    def stronger(region: Region) -> Region:
        strength = STRONGER.raised(method, region.strength, region.longer)
        return replace(region, method=method, strength=strength, means=True)

    def added(face: Face) -> Region | None:
        if last or any(_is_same_face(face.box, region) for region in planned):
            return regions.region(face, harder, STRONGER, subject.size)
        return regions.region(face, options, subject.policy, subject.size)

    existing = [stronger(one) if any(_is_same_face(face.box, one) for face in residual) else one for one in planned]
    return (*existing, *(region for region in map(added, residual) if region is not None))


def _is_same_face(box: Box, region: Region) -> bool:
    """Return whether a face was found where a region is: much of one lies in the other."""
    across = min(box[2], region.right) - max(box[0], region.left)
    down = min(box[3], region.bottom) - max(box[1], region.top)
    smaller = min((box[2] - box[0]) * (box[3] - box[1]), region.area)
    return smaller > 0 and max(0.0, across) * max(0.0, down) / smaller >= SAME_FACE_OVERLAP
