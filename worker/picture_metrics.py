"""What a worker counts of each picture: its faces, and how long each step took."""

import time

from core.contract.reports import DetectionReport, MaskedImage
from core.observability import metrics, traces

# What tasks are called in labels and in log lines.
KINDS = {
    "detect_image": "detect",
    "mask_image": "mask",
    "mask_manually": "manual_mask",
    "thumbnail_image": "thumbnail",
    "work_batch": "batch",
    "work_video": "video",
}


def count_wait(task: str, sent_at: float | None) -> None:
    """Count how long a call waited in the queue; None: what waits for nobody, such as a wake-up for batches."""
    if sent_at is not None:
        waited_s = max(0.0, time.time() - sent_at)  # clocks of two machines may differ a little
        metrics.observe(metrics.QUEUE_WAIT_SECONDS, waited_s, KINDS.get(task, metrics.OTHER))
        traces.record("queue", waited_s)


def count_detected(report: DetectionReport) -> None:
    """Count the faces and the steps of a picture that was searched; of one that a person has marked, no search."""
    timings = report.detections.timings
    steps = {
        "decode": timings.decode_ms,
        "infer": timings.inference_ms if report.runtime else None,
        "mask": timings.mask_ms,
        "verify": timings.verify_ms,
        "encode": timings.encode_ms,
    }
    for step, ms in steps.items():
        if ms is not None:
            metrics.observe(metrics.STEP_SECONDS, ms / 1000, step)
    doubtful = report.detections.doubtful
    metrics.count(metrics.FACES, "sure", amount=report.detections.face_count - doubtful)
    metrics.count(metrics.FACES, "doubtful", amount=doubtful)


def count_masked(masked: MaskedImage) -> None:
    """Count a picture that was masked, and what was still found in it and masked again."""
    report = masked.report
    count_detected(report.detection)
    metrics.count(metrics.FACES, "kept", amount=report.kept_faces)
    if report.verification:
        metrics.count(metrics.FACES, "residual", amount=report.verification.regions_masked_again)
