"""The outcome of detection or masking as a job stores it: columns, detections, report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.contract import detections
from core.contract.options import CoverOptions, ManualMaskOptions, ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.reports import DetectionReport, MaskedImage, MaskReport, face_count
from core.contract.states import JobType, ReviewState
from core.records import uncoverings

# What a manual mask stores, where a search has its thresholds: every face that a person has marked counts.
MANUAL_THRESHOLDS = {"confidence_threshold": 0.01, "nms_threshold": 0.999999}


@dataclass(frozen=True)
class JobOutcome:
    """What a job stores. values: its columns; processed: the masked picture, None for detect.

    detections: makes what is stored of the faces, called only when it is stored; report: what was done, in detail.
    """

    width: int
    height: int
    values: dict[str, Any]
    detections: Callable[[], Sequence[Mapping[str, object]]]
    processed: bytes | None = None
    report: dict[str, Any] | None = None


def detected(report: DetectionReport, options: ResolvedDetectOptions, total_ms: float) -> JobOutcome:
    """Return the outcome of detect."""
    values = requested_columns(options) | _measured_columns(report, total_ms, options.detail)
    return JobOutcome(
        report.width,
        report.height,
        values,
        lambda: detections.of_report(report),
        report=job_report(report, options.detail),
    )


def masked(result: MaskedImage, options: ResolvedMaskOptions, total_ms: float) -> JobOutcome:
    """Return the outcome of mask."""
    report = result.report.detection
    values = requested_columns(options) | _measured_columns(report, total_ms, options.detail)
    values["uncovered_faces"] = face_count(result.report.uncovered)
    summary = job_report(report, options.detail) | _mask_report(result.report, options)
    return JobOutcome(report.width, report.height, values, lambda: detections.of_report(report), result.image, summary)


def manually_masked(result: MaskedImage, options: ManualMaskOptions, total_ms: float) -> JobOutcome:
    """Return the outcome of a manual mask: nothing was searched for."""
    report = result.report.detection
    measured = _measured_columns(report, total_ms, None) | {"inference_ms": None}
    values = _cover_columns(options) | MANUAL_THRESHOLDS | measured
    summary = job_report(report, None) | _mask_report(result.report, options)
    return JobOutcome(report.width, report.height, values, lambda: detections.of_report(report), result.image, summary)


def requested_columns(options: ResolvedDetectOptions) -> dict[str, Any]:
    """Return the columns of the requested options; they are known before the work is done."""
    thresholds = {"confidence_threshold": options.confidence, "nms_threshold": options.nms_threshold}
    if isinstance(options, ResolvedMaskOptions):
        return _cover_columns(options) | thresholds
    return {"job_type": JobType.DETECT, **thresholds}


def job_report(report: DetectionReport, detail: str | None) -> dict[str, Any]:
    """Return what was done to find the faces, in detail."""
    passes = [
        {
            "name": one.name,
            "input_size": list(one.input_size),
            "inference_ms": round(one.inference_ms, 2),
            "candidates": one.candidates,
        }
        for one in report.detections.passes
    ]
    smallest = report.detections.smallest_face_px
    return {
        "detail": detail,
        "passes": passes,
        "smallest_face_px": smallest and round(smallest, 1),
        "review_faces": review_faces(report, detail),
        "near_misses": [near.model_dump(mode="json") for near in report.detections.near_misses],
    }


def review_faces(report: DetectionReport, detail: str | None) -> int:
    """Return how many faces a person should look at: those that are just not masked.

    Of a thorough search also those that are, though in doubt: who asks for it wants to know.
    """
    doubtful = sum(face.review for face in report.detections.faces) if detail == "thorough" else 0
    return doubtful + len(report.detections.near_misses)


def _cover_columns(options: CoverOptions) -> dict[str, Any]:
    return {
        "job_type": JobType.MASK,
        "blur_method": options.method,
        "blur_strength": None if options.strength == "auto" else options.strength,
        "padding": options.padding,
        "output_format": options.format,
        "output_quality": options.quality,
    }


def _measured_columns(report: DetectionReport, total_ms: float, detail: str | None) -> dict[str, Any]:
    return {
        "face_count": report.detections.face_count,
        "inference_ms": round(report.detections.timings.inference_ms, 2),
        "total_ms": round(total_ms, 2),
        "review_state": ReviewState.PENDING if review_faces(report, detail) else None,
    }


def _mask_report(report: MaskReport, options: ResolvedMaskOptions | ManualMaskOptions) -> dict[str, Any]:
    """Return what was done to hide the faces, and what was asked for and is no column."""
    keep = options.keep_regions if isinstance(options, ResolvedMaskOptions) else ()
    return {
        "strength": options.strength,
        "cover": options.cover,
        "regions": report.regions,
        "mask_regions": [region.model_dump() for region in options.mask_regions],
        "keep_regions": [region.model_dump() for region in keep],
        "kept_faces": report.kept_faces,
        "uncovered": uncoverings.of_regions(report),
        "effective_strength": report.effective_strength,
        "metadata_removed": list(report.detection.metadata_removed),
        "verification": report.verification and report.verification.model_dump(),
    }
