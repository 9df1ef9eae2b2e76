"""Search one frame: its faces, and what each counts when tracks are linked."""

import numpy as np

from core.contract import region_options
from core.contract.options import ResolvedMaskOptions
from core.video.tracking.faces import FrameFaces
from core.vision import doubts
from core.vision.detector import Detector
from core.vision.masks import Pixels

# The least score of a face that a track can lead to.
WEAK = 0.2


def search(image: Pixels, at: tuple[int, float], options: ResolvedMaskOptions, detector: Detector) -> FrameFaces:
    """Find the faces of a frame, (height, width, 3) BGR. at: its number, and its time in seconds.

    Faces whose centre lies in one of `options.keep_regions` are left out. `max_faces` does not count: which faces were
    the best would change from frame to frame.
    """
    likely = doubts.least_confidence(options)
    wanted = options.model_copy(update={"confidence": min(likely, WEAK), "max_faces": 0})
    height, width = image.shape[:2]
    faces, _ = region_options.split(detector.find(image, wanted).faces, options.keep_regions, (width, height))
    judged = doubts.judge(faces, options, detector.doubt_limits)
    masked = {face.box for face in (*judged.sure, *judged.doubtful)}
    faces = tuple(face for face in faces if face.confidence >= WEAK or face.box in masked)
    return FrameFaces(
        *at,
        np.array([face.box for face in faces], np.float32).reshape(-1, 4),
        np.array([face.confidence for face in faces], np.float32),
        np.array([face.confidence >= options.confidence for face in faces], bool),
        np.array([face.box in masked for face in faces], bool),
    )
