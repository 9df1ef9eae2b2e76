"""Search frames: their faces, and what each counts when tracks are linked."""

import math

import numpy as np

from core.contract import region_options
from core.contract.options import ResolvedMaskOptions
from core.video.tracking.faces import FrameFaces
from core.vision import doubts
from core.vision.detector import Detector
from core.vision.masks import Pixels

# The least score of a face that a track can lead to.
WEAK = 0.2
# In a frame without a sure face, those that lie are looked for so often, and in each frame while there are any.
# chosen: a track goes on for as long before and after it is seen; a search takes half as long again with them
LYING_S = 0.3


class FrameSearch:
    """Searches the frames of a video, one after the other.

    Faces whose centre lies in one of `options.keep_regions` are left out. `max_faces` does not count: which faces were
    the best would change from frame to frame.
    """

    def __init__(self, options: ResolvedMaskOptions, detector: Detector) -> None:
        likely = doubts.least_confidence(options)
        self._options, self._detector = options, detector
        self._wanted = options.model_copy(update={"confidence": min(likely, WEAK), "max_faces": 0})
        self._upright_until_s = -math.inf

    def search(self, image: Pixels, at: tuple[int, float]) -> FrameFaces:
        """Find the faces of a frame, (height, width, 3) BGR. at: its number, and its time in seconds."""
        upright = at[1] < self._upright_until_s
        options = self._options
        height, width = image.shape[:2]
        found = self._detector.find(image, self._wanted, upright=upright)
        faces, _ = region_options.split(found.faces, options.keep_regions, (width, height))
        judged = doubts.judge(faces, options, self._detector.doubt_limits)
        masked = {face.box for face in (*judged.sure, *judged.doubtful)}
        if not upright:
            self._upright_until_s = -math.inf if masked else at[1] + LYING_S
        faces = tuple(face for face in faces if face.confidence >= WEAK or face.box in masked)
        return FrameFaces(
            *at,
            np.array([face.box for face in faces], np.float32).reshape(-1, 4),
            np.array([face.confidence for face in faces], np.float32),
            np.array([face.confidence >= options.confidence for face in faces], bool),
            np.array([face.box in masked for face in faces], bool),
        )
