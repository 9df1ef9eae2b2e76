"""Examples for the OpenAPI description."""

from typing import Any

AN_ID = "0b8a3c1e-6f0e-4a53-9d0b-3f1f0a2c7d11"
REQUEST_ID = {
    "X-Request-Id": {
        "description": "The request's id: the caller's own when that was a UUID.",
        "schema": {"type": "string", "format": "uuid"},
    }
}
DETECTION: dict[str, Any] = {
    "index": 0,
    "bbox": {"x1": 100.5, "y1": 200.3, "x2": 300.1, "y2": 400.7},
    "confidence": 0.9876,
    "landmarks": {
        "left_eye": {"x": 150.2, "y": 250.1},
        "right_eye": {"x": 250.3, "y": 248.9},
        "nose": {"x": 200.1, "y": 310.5},
        "left_mouth": {"x": 160.7, "y": 360.2},
        "right_mouth": {"x": 240.5, "y": 358.8},
    },
    "size": {"width": 199.6, "height": 200.4},
    "area": 39999.84,
    "center": {"x": 200.3, "y": 300.5},
    "relative": {"x_center": 0.1043, "y_center": 0.2782, "width": 0.104, "height": 0.1856},
}
DETECTED: dict[str, Any] = {
    "request_id": AN_ID,
    "image_id": None,
    "job_id": None,
    "image": {"width": 1920, "height": 1080, "channels": 3, "size_bytes": 245760},
    "detections": [DETECTION],
    "summary": {
        "face_count": 1,
        "avg_confidence": 0.9876,
        "min_confidence": 0.9876,
        "max_confidence": 0.9876,
        "total_face_area": 39999.84,
        "face_area_ratio": 0.0193,
    },
    "processing": {
        "model": "scrfd_10g",
        "input_size": [640, 640],
        "confidence_threshold": 0.5,
        "nms_threshold": 0.4,
        "inference_ms": 112.34,
        "total_ms": 118.56,
    },
    "profiling": {
        "decode_ms": 3.21,
        "preprocess_ms": 1.05,
        "blob_ms": 0.82,
        "inference_ms": 112.34,
        "postprocess_ms": 0.45,
        "nms_ms": 0.12,
        "mask_ms": None,
        "encode_ms": None,
        "storage_ms": None,
        "total_ms": 118.56,
        "candidates_before_nms": 15,
        "candidates_after_nms": 1,
        "det_scale": 0.333333,
        "input_resolution": "1920x1080",
        "det_resolution": "640x384",
        "input_bytes": 245760,
        "output_bytes": None,
        "input_pixels": 2073600,
        "model_name": "scrfd_10g",
    },
}
