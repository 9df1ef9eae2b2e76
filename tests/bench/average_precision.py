"""Average precision of each model, in the precision that runs by default and in fp32: fast searches of all pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from core.contract.options import ResolvedDetectOptions
from core.vision.detector import OnnxDetector
from tests.bench import recall, scenes
from tests.bench.scenes import SAME, Boxes, Found, IoU

OPTIONS = ResolvedDetectOptions(detail="fast", confidence=0.02, nms_threshold=0.45)
SURE = 0.5


@dataclass(frozen=True)
class Precision:
    """ap: easy, medium, hard; recall: of hard faces by sure boxes; moved: of a sure box by which int8 moves it, in
    shares of its longer side, median; None for fp32."""

    ap: tuple[float, ...]
    recall: float
    moved: float | None = None


def measured(
    versions: Sequence[OnnxDetector], shared: Path, tool: ModuleType, most: int
) -> list[tuple[OnnxDetector, Precision]]:
    """Measure versions of one model, fp32 first."""
    chosen, truth = scenes.scenes(shared, tool, most), tool.load(shared / "data/wider/images")
    assert len(chosen) == len(truth), "average precision is of all pictures"
    results: list[tuple[OnnxDetector, Precision]] = []
    first: list[Found] | None = None
    for version in versions:
        search = scenes.search(version, chosen, OPTIONS, tool.iou)
        rows = [_rows(found) for found in search]
        ap = tuple(float(tool.average_precision(truth, rows, subset)) for subset in tool.SUBSETS)
        hits = recall.measured([_sure(found) for found in search]).found
        moved = _moved(first, search, tool.iou) if first else None
        results.append((version, Precision(ap, sum(hits) / len(hits), moved)))
        first = first or search
    return results


def _rows(found: Found) -> Boxes:
    scores = np.array([[face.confidence] for face in found.faces], float).reshape(-1, 1)
    return np.hstack([found.boxes, scores])


def _sure(found: Found) -> Found:
    count = sum(face.confidence >= SURE for face in found.faces)
    return Found(found.scene, found.size, found.faces[:count], found.overlap[:count], found.seconds)


def _moved(first: Sequence[Found], second: Sequence[Found], iou: IoU) -> float:
    moved: list[float] = []
    for one, other in zip(map(_sure, first), map(_sure, second), strict=True):
        pairs = iou(one.boxes, other.boxes)
        for index in np.flatnonzero(pairs.max(axis=1, initial=0) >= SAME):
            before, after = one.boxes[index], other.boxes[pairs[index].argmax()]
            moved.append(float(np.abs(after - before).max() / (before[2:] - before[:2]).max()))
    return float(np.median(moved))
