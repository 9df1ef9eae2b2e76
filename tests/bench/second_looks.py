"""What the second look at a masked picture finds, and what it costs."""

import time
from dataclasses import dataclass

from core.contract.options import Detail, Method, ResolvedMaskOptions
from core.errors import ResidualFace
from core.vision import pipeline
from core.vision.detector import OnnxDetector
from tests.bench.scenes import Scene

MANY = 10**9
DETAIL: Detail = "balanced"


@dataclass
class Looks:
    """Sums over pictures. seconds, without_s: of CPU, with a second look and without."""

    pictures: int = 0
    faces: int = 0
    again: int = 0
    missed: int = 0
    refused: int = 0
    seconds: float = 0
    without_s: float = 0


def verified(finder: OnnxDetector, scenes: list[Scene], method: Method) -> Looks:
    """Mask pictures with and without a second look."""
    reported = Looks()
    for scene in scenes:
        data = scene.path.read_bytes()
        once = ResolvedMaskOptions(method=method, detail=DETAIL, verify=False)
        started = time.process_time()
        plain = pipeline.mask(data, once, finder, MANY)
        reported.without_s += time.process_time() - started
        reported.pictures += 1
        reported.faces += len(plain.report.detection.detections.faces)
        started = time.process_time()
        try:
            cover = pipeline.mask(data, once.model_copy(update={"verify": True}), finder, MANY).report
        except ResidualFace:
            reported.refused += 1
        else:
            assert cover.verification
            reported.again += cover.verification.regions_masked_again
            reported.missed += len(cover.detection.detections.faces) - len(plain.report.detection.detections.faces)
        reported.seconds += time.process_time() - started
    return reported
