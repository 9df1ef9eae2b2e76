"""Pictures whose left and right edge are the same line of the world: 360° panoramas, searched across that seam."""

from dataclasses import replace

import numpy as np

from core.contract import reports
from core.contract.options import ResolvedDetectOptions
from core.contract.reports import Detections, Face
from core.vision import passes
from core.vision.detector import Detector, Surroundings
from core.vision.fusion import distinct_faces
from core.vision.passes import Pixels

# chosen: of the shorter side; a face at the seam is no larger
OVERLAP = 1 / 4
MIN_PX = 2  # what is narrower of a face beyond the seam shows nothing


def find(pixels: Pixels, options: ResolvedDetectOptions, detector: Detector) -> Detections:
    """Find the faces of a picture whose right edge continues at its left; one that is cut gives two boxes."""
    height, width = pixels.shape[:2]
    continued = _continued(pixels, round(min(width, height) * OVERLAP))
    found = detector.find(continued, options.model_copy(update={"max_faces": 0}))
    parts = [part for face in found.faces for part in _parts(face, width)]
    faces, _ = reports.split_after(distinct_faces(parts, options.nms_threshold), options.max_faces)
    scale = passes.scale(width, height, detector.input_size)
    return found.model_copy(update={"faces": faces, "det_scale": scale})


def find_around(pixels: Pixels, surroundings: Surroundings, detector: Detector) -> tuple[Face, ...]:
    """Find the faces in and around regions of such a picture; what lies near its left edge is seen across the seam."""
    height, width = pixels.shape[:2]
    overlap = round(min(width, height) * OVERLAP)
    regions = surroundings.regions
    near = [replace(one, left=one.left + width, right=one.right + width) for one in regions if one.right <= overlap]
    found = detector.find_around(_continued(pixels, overlap), replace(surroundings, regions=(*regions, *near)))
    parts = [part for face in found for part in _parts(face, width)]
    return distinct_faces(parts, surroundings.options.nms_threshold)


def _continued(pixels: Pixels, overlap: int) -> Pixels:
    return np.ascontiguousarray(np.hstack([pixels, pixels[:, :overlap]]))


def _parts(face: Face, width: int) -> list[Face]:
    """Bring a face of the continued picture into the picture: one box, or one on each side of the seam."""
    x1, y1, x2, y2 = face.box
    if x2 <= width + MIN_PX:
        return [face.model_copy(update={"box": (x1, y1, min(x2, width), y2)})]
    if x1 >= width - MIN_PX:
        landmarks = face.landmarks and tuple((x - width, y) for x, y in face.landmarks)
        return [face.model_copy(update={"box": (max(0, x1 - width), y1, x2 - width, y2), "landmarks": landmarks})]
    boxes = ((x1, y1, width, y2), (0, y1, x2 - width, y2))
    return [face.model_copy(update={"box": box, "landmarks": None, "whole_width": x2 - x1}) for box in boxes]
