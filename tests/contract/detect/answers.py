"""What an answer to POST /api/v1/detect is made of."""

import math
from typing import Any

Body = dict[str, Any]

KEYS: dict[str, set[str]] = {
    "": {"request_id", "image_id", "job_id", "image", "detections", "summary", "processing", "profiling"},
    "image": {"width", "height", "channels", "size_bytes"},
    "summary": {
        "face_count",
        "avg_confidence",
        "min_confidence",
        "max_confidence",
        "total_face_area",
        "face_area_ratio",
    },
    "processing": {
        "model",
        "precision",
        "runtime",
        "smallest_face_px",
        "input_size",
        "confidence_threshold",
        "nms_threshold",
        "inference_ms",
        "total_ms",
    },
    "profiling": {
        "decode_ms",
        "preprocess_ms",
        "blob_ms",
        "inference_ms",
        "postprocess_ms",
        "nms_ms",
        "mask_ms",
        "verify_ms",
        "encode_ms",
        "storage_ms",
        "total_ms",
        "candidates_before_nms",
        "candidates_after_nms",
        "det_scale",
        "input_resolution",
        "det_resolution",
        "input_bytes",
        "output_bytes",
        "input_pixels",
        "model_name",
        "passes",
    },
}
DETECTION_KEYS = {"index", "bbox", "confidence", "landmarks", "size", "area", "center", "relative"}
LANDMARKS = {"left_eye", "right_eye", "nose", "left_mouth", "right_mouth"}
TURNED = {f"{name}_rotated_{degrees}" for name in ("main", "close_up") for degrees in (90, 180, 270)}
STAGES = ("decode_ms", "preprocess_ms", "blob_ms", "inference_ms", "postprocess_ms", "nms_ms")

# Two roundings to one decimal and one of the result.
TENTHS = 0.151


def is_float(value: object, decimals: int) -> bool:
    """Whether JSON held a fraction with at most so many decimals."""
    return type(value) is float and math.isfinite(value) and round(value, decimals) == value


def is_int(value: object) -> bool:
    """Whether JSON held a whole number that is not negative."""
    return type(value) is int and value >= 0


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """IoU of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(width, 0) * max(height, 0)
    return both / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - both)


def corners(detection: Body) -> tuple[float, float, float, float]:
    """A detection's box as left, top, right, bottom."""
    box = detection["bbox"]
    return box["x1"], box["y1"], box["x2"], box["y2"]
