"""How the frames of a video are turned: phones store them as the sensor lies, and say how to show them."""

import struct
from dataclasses import dataclass
from typing import Self, cast

import cv2
import numpy as np
from av.video.frame import VideoFrame as DecodedFrame
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
BOTH, HORIZONTALLY, VERTICALLY = -1, 1, 0  # cv2.flip's codes


@dataclass(frozen=True)
class Orientation:
    """How stored pixels become upright: transposed first, then flipped."""

    transposed: bool = False
    flipped_horizontally: bool = False
    flipped_vertically: bool = False

    @classmethod
    def of(cls, frame: DecodedFrame) -> Self:
        """Read the display matrix of a frame; angles between are rounded to a quarter turn.

        A point (x, y) is shown at (a x + c y, b x + d y); the matrix holds a b u, c d v, x y w (ISO 14496-12, 6.2.2).
        """
        data = frame.side_data.get("DISPLAYMATRIX")
        if data is None:
            return cls()
        a, b, _, c, d = struct.unpack_from("=5i", bytes(cast(bytes, data)))
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    @property
    def rotation(self) -> int:
        """Return by how many degrees, clockwise, frames are turned; of mirrored ones, before they are mirrored."""
        if self.transposed:
            return 90 if self.flipped_horizontally else 270
        return 180 if self.flipped_vertically else 0

    def applied(self, image: Pixels) -> Pixels:
        """Return the upright image, (height, width, 3), contiguous."""
        turned = cv2.transpose(image) if self.transposed else image
        flip = {(True, True): BOTH, (True, False): HORIZONTALLY, (False, True): VERTICALLY}
        code = flip.get((self.flipped_horizontally, self.flipped_vertically))
        return cast(Pixels, turned if code is None else cv2.flip(turned, code))
