"""Cover faces so that neither a person nor a program knows them again.

Every region is computed from the picture's own pixels, so that overlaps don't compound, and is at least as strong
as what hides a face of its size.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.results import Method
from core.vision.boxes import Regions

Pixels = NDArray[np.uint8]

# The most cells across a face's longer side that leave neither a face to detect nor a person to recognise.
MOST_CELLS = 8
# measured: with a kernel of 1.0 times the longer side of the region no portrait is detected any more; 1.5 takes a
# recogniser that knows the method down to where black boxes leave it (AUC 0.78 to 0.72, 0.69 under solid)
LEAST_KERNEL = 1.5
# chosen: means of a sixteenth of the kernel look no different after the blur, but can't be sharpened back
CELLS_A_KERNEL = 16


@dataclass(frozen=True)
class Layer:
    """A covered picture. pixels: (height, width, 3) BGR; covered: (height, width), true where a mask lies."""

    pixels: Pixels
    covered: NDArray[np.bool_]
    effective_strength: int


def cover(pixels: Pixels, regions: Regions, method: Method, strength: int) -> Layer:
    """Mask regions, whole pixels of shape (n, 4), of a BGR picture of shape (height, width, 3).

    effective_strength is the largest that was used; it is what was asked for when there is nothing to cover.
    """
    result, covered = pixels.copy(), np.zeros(pixels.shape[:2], np.bool_)
    used = [(floor(method, strength, *_size(region)), region) for region in regions]
    # The strongest comes last: a small region with fine cells must not show what lies below a large one.
    for applied, (left, top, right, bottom) in sorted(used, key=lambda pair: pair[0]):
        patch = _patch(pixels[top:bottom, left:right], method, applied)
        inside = _inside(bottom - top, right - left, method)
        result[top:bottom, left:right][inside] = patch[inside]
        covered[top:bottom, left:right] |= inside
    strengths = [applied for applied, _ in used]
    return Layer(result, covered, max(strengths, default=floor(method, strength, 1, 1)))


def floor(method: Method, strength: int, width: int, height: int) -> int:
    """Raise a strength to the least that hides a face which takes a region of this size."""
    longer = max(width, height)
    if method == "solid":
        return strength
    if method == "pixelate":
        return max(strength, -(-longer // MOST_CELLS))
    return max(strength, round(longer * LEAST_KERNEL)) | 1


def _size(region: NDArray[np.intp]) -> tuple[int, int]:
    return int(region[2] - region[0]), int(region[3] - region[1])


def _patch(source: Pixels, method: Method, strength: int) -> Pixels:
    if method == "solid":
        return np.zeros_like(source)
    if method == "pixelate":
        return _pixelate(source, strength)
    return _blur(source, strength)


def _pixelate(source: Pixels, cell: int) -> Pixels:
    """Replace each cell, counted from the top left, by the mean of its pixels; the last ones may be cut."""
    height, width = source.shape[:2]
    rows, columns = np.arange(0, height, cell), np.arange(0, width, cell)
    sums = np.add.reduceat(np.add.reduceat(source, rows, 0, np.uint32), columns, 1, np.uint32)
    heights, widths = np.diff(rows, append=height), np.diff(columns, append=width)
    means = np.rint(sums / np.outer(heights, widths)[..., None]).astype(np.uint8)
    return np.asarray(means.repeat(heights, axis=0).repeat(widths, axis=1), np.uint8)


def _blur(source: Pixels, kernel: int) -> Pixels:
    """Blur the means of small cells with a Gaussian of `kernel` pixels, odd: a blur alone can be inverted."""
    height, width = source.shape[:2]
    cell = max(1, kernel // CELLS_A_KERNEL)
    small_size = -(-width // cell), -(-height // cell)
    small = cv2.resize(source, small_size, interpolation=cv2.INTER_AREA)
    # OpenCV's own rule for the kernel's sigma, in cells.
    sigma = (0.3 * ((kernel - 1) * 0.5 - 1) + 0.8) / cell
    size = (kernel // cell) | 1
    blurred = cv2.GaussianBlur(small, (size, size), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _inside(height: int, width: int, method: Method) -> NDArray[np.bool_]:
    """Mark the pixels of a region that the mask covers: all, or those that the inscribed ellipse touches."""
    if method != "elliptical":
        return np.ones((height, width), np.bool_)
    x, y = _nearest_to_middle(width) / (width / 2), _nearest_to_middle(height) / (height / 2)
    return np.asarray(x[None] ** 2 + y[:, None] ** 2 <= 1)


def _nearest_to_middle(length: int) -> NDArray[np.float64]:
    """Distance from the middle of a line to the nearest point of each of its pixels."""
    return np.asarray(np.maximum(0, np.abs(np.arange(length) + 0.5 - length / 2) - 0.5))
