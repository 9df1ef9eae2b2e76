"""The outcome of detection or masking as a job stores it: columns, detections, report."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.contract import detections
from core.contract.options import DetectOptions, MaskOptions
from core.contract.reports import DetectionReport, MaskedImage


@dataclass(frozen=True)
class JobOutcome:
    """What a job stores. values: its columns; processed: the masked picture, None for detect.

    detections: makes what is stored of the faces, called only when it is stored; report: what was done, in detail.
    """

    width: int
    height: int
    values: dict[str, Any]
    detections: Callable[[], list[dict[str, Any]]]
    processed: bytes | None = None
    report: dict[str, Any] | None = None


def detected(report: DetectionReport, options: DetectOptions, total_ms: float) -> JobOutcome:
    """Word the outcome of detect."""
    return JobOutcome(
        report.width,
        report.height,
        _values(report, options, total_ms),
        lambda: _detections(report),
        report=job_report(report, options),
    )


def masked(result: MaskedImage, options: MaskOptions, total_ms: float) -> JobOutcome:
    """Word the outcome of mask."""
    report = result.cover.report
    values = _values(report, options, total_ms)
    verification = result.cover.verification
    done = job_report(report, options) | {
        "effective_strength": result.cover.effective_strength,
        "metadata_removed": list(report.metadata_removed),
        "verification": verification and verification.model_dump(),
    }
    return JobOutcome(report.width, report.height, values, lambda: _detections(report), result.image, done)


def requested_columns(options: DetectOptions) -> dict[str, Any]:
    """Return the columns of the requested options; they are known before the work is done."""
    values: dict[str, Any] = {
        "job_type": "detect",
        "confidence_threshold": options.confidence,
        "nms_threshold": options.nms_threshold,
    }
    if isinstance(options, MaskOptions):
        values |= {
            "job_type": "mask",
            "blur_method": options.method,
            "blur_strength": options.strength,
            "padding": options.padding,
            "output_format": options.format,
            "output_quality": options.quality,
        }
    return values


def job_report(report: DetectionReport, options: DetectOptions) -> dict[str, Any]:
    """Say what was done to find the faces, in detail."""
    passes = [
        {
            "name": one.name,
            "input_size": list(one.input_size),
            "inference_ms": round(one.inference_ms, 2),
            "candidates": one.candidates,
        }
        for one in report.found.passes
    ]
    return {"detail": options.detail, "passes": passes, "review_faces": review_faces(report)}


def review_faces(report: DetectionReport) -> int:
    """Return how many faces a person should look at."""
    return sum(face.review for face in report.found.faces)


def _values(report: DetectionReport, options: DetectOptions, total_ms: float) -> dict[str, Any]:
    return requested_columns(options) | {
        "face_count": len(report.found.faces),
        "inference_ms": round(report.found.timings.inference_ms, 2),
        "total_ms": round(total_ms, 2),
        "review_state": "pending" if review_faces(report) else None,
    }


def _detections(report: DetectionReport) -> list[dict[str, object]]:
    return [found.model_dump() for found in detections.of_report(report)]
