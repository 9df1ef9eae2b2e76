"""What came of a call, as it is kept: the columns of its job."""

from core import detections
from core.keeping import Outcome
from core.results import DetectOptions, Masked, MaskOptions, Report


def detected(report: Report, options: DetectOptions, total_ms: float) -> Outcome:
    """Word the outcome of detect."""
    values = {
        "job_type": "detect",
        "confidence_threshold": options.confidence,
        "nms_threshold": options.nms_threshold,
        "face_count": len(report.found.faces),
        "inference_ms": round(report.found.timings.inference_ms, 2),
        "total_ms": round(total_ms, 2),
    }
    return Outcome(report.width, report.height, values, lambda: _detections(report))


def masked(result: Masked, options: MaskOptions, total_ms: float) -> Outcome:
    """Word the outcome of mask."""
    report = result.cover.report
    values = detected(report, options, total_ms).values | {
        "job_type": "mask",
        "blur_method": options.method,
        "blur_strength": options.strength,
        "padding": options.padding,
        "output_format": options.format,
        "output_quality": options.quality,
    }
    return Outcome(report.width, report.height, values, lambda: _detections(report), result.image)


def _detections(report: Report) -> list[dict[str, object]]:
    return [found.model_dump() for found in detections.of_report(report)]
