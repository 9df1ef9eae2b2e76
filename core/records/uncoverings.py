"""Sure faces that somebody has left visible on purpose, by hand or by `keep_regions`, as a job's report lists them."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from core.contract.detections import of_face
from core.contract.reports import Box, MaskReport
from core.records.rows import JobDetail

COVERED_SHARE = 0.5  # chosen: whoever draws a face anew covers most of it, a neighbour's mask hardly ever half


def of_regions(report: MaskReport) -> list[dict[str, Any]]:
    """Word the sure faces that lie where the caller wants faces to be left."""
    size = report.detection.width, report.detection.height
    return [dict(of_face(index, face, *size)) for index, face in enumerate(report.uncovered)]


def by_hand(edited: JobDetail | None, removed: Collection[int], masked: Sequence[Box]) -> list[dict[str, Any]]:
    """Return the sure faces that a manual mask leaves visible: those it takes the mask off, and those left before.

    A box that a person has drawn is no such face: they may take back what they drew. masked: what is covered now.
    """
    if edited is None:
        return []
    found = list(edited.detections or [])
    taken_off = [found[index] for index in sorted(set(removed)) if _is_sure(found[index])]
    report = edited.report if isinstance(edited.report, dict) else {}
    before = [*report.get("uncovered", []), *taken_off]
    left = [face for face in before if not _is_covered(_box(face), masked)]
    return [face | {"index": index} for index, face in enumerate(left)]


def _is_sure(found: dict[str, Any]) -> bool:
    return not found.get("review") and not found.get("added")


def _box(found: dict[str, Any]) -> Box:
    bbox = found["bbox"]
    return bbox["x1"], bbox["y1"], bbox["x2"], bbox["y2"]


def _is_covered(face: Box, masked: Iterable[Box]) -> bool:
    left, top, right, bottom = face
    area = (right - left) * (bottom - top)
    return any(
        max(0.0, min(right, x2) - max(left, x1)) * max(0.0, min(bottom, y2) - max(top, y1)) >= COVERED_SHARE * area
        for x1, y1, x2, y2 in masked
    )
