"""Examples for the OpenAPI document."""

from typing import Any

AN_ID = "0b8a3c1e-6f0e-4a53-9d0b-3f1f0a2c7d11"
REQUEST_ID = {
    "X-Request-Id": {
        "description": "The request's id: the caller's own when it is a UUID.",
        "schema": {"type": "string", "format": "uuid"},
    }
}
REGIONS = '[{"x1": 0, "y1": 900, "x2": 400, "y2": 1080}, {"unit": "relative", "x1": 0.5, "y1": 0, "x2": 1, "y2": 0.1}]'
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
        "precision": "int8",
        "runtime": "onnxruntime",
        "smallest_face_px": 66.0,
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
        "verify_ms": None,
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
        "passes": [
            {"name": "main", "input_size": [640, 384], "inference_ms": 103.11, "candidates": 13},
            {"name": "close_up", "input_size": [192, 128], "inference_ms": 9.23, "candidates": 2},
        ],
    },
}
STATISTICS: dict[str, Any] = {
    "total_images": 812,
    "total_jobs": 1024,
    "total_faces_detected": 2311,
    "avg_inference_ms": 43.21,
    "storage_used_bytes": 734003200,
    "jobs_by_type": {"detect": 200, "mask": 824},
    "jobs_by_method": {"gaussian": 700, "pixelate": 124},
}
A_LINK = "https://faces.example.org/objects/{}?expires=1772625600&signature=5f2d"
AN_IMAGE: dict[str, Any] = {
    "id": AN_ID,
    "filename": "team.jpg",
    "content_type": "image/jpeg",
    "size_bytes": 245760,
    "width": 1920,
    "height": 1080,
    "original_url": A_LINK.format(f"originals/{AN_ID}/team.jpg"),
    "processed_url": A_LINK.format(f"processed/{AN_ID}/6f9619ff-8b86-4d01-b42d-00cf4fc964ff.jpeg"),
    "job_count": 1,
    "created_at": "2026-03-04T11:00:00.123456+00:00",
}
A_JOB: dict[str, Any] = {
    "id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
    "image_id": AN_ID,
    "batch_id": None,
    "api_key_id": None,
    "job_type": "mask",
    "status": "completed",
    "method": "gaussian",
    "strength": 199,
    "padding": 0.15,
    "output_format": "jpeg",
    "output_quality": 95,
    "confidence_threshold": 0.5,
    "nms_threshold": 0.4,
    "face_count": 1,
    "inference_ms": 43.21,
    "total_ms": 98.76,
    "processed_url": AN_IMAGE["processed_url"],
    "processed_size_bytes": 201334,
    "error": None,
    "created_at": "2026-03-04T11:00:00.123456+00:00",
    "finished_at": "2026-03-04T11:00:00.222216+00:00",
}
A_REPORT: dict[str, Any] = {
    "detail": "balanced",
    "passes": DETECTED["profiling"]["passes"],
    "review_faces": 0,
    "strength": 199,
    "cover": "face",
    "regions": 1,
    "mask_regions": [],
    "keep_regions": [],
    "kept_faces": 0,
    "effective_strength": 199,
    "metadata_removed": ["exif", "gps", "thumbnail"],
}
A_JOB_IN_FULL: dict[str, Any] = {
    **A_JOB,
    "image": AN_IMAGE,
    "detections": [DETECTION],
    "report": A_REPORT,
    "review_state": None,
    "edited_by": None,
    "uncovered_faces": 0,
}
A_KEY_TEXT = "xyl_" + "0123456789ab" * 4
A_KEY: dict[str, Any] = {
    "id": AN_ID,
    "name": "the photo desk",
    "key_prefix": A_KEY_TEXT[:11],
    "key_suffix": A_KEY_TEXT[-8:],
    "key_preview": f"{A_KEY_TEXT[:11]}...{A_KEY_TEXT[-8:]}",
    "is_active": True,
    "request_count": 4711,
    "last_used_at": "2026-03-04T11:00:00+00:00",
    "last_used_ip": "192.0.2.7",
    "scopes": ["detect", "mask"],
    "expires_at": None,
    "rate_limits": {"detect": "600/minute", "mask": None},
    "allowed_networks": ["192.0.2.0/24"],
    "replaced_by": None,
    "created_at": "2026-02-01T09:30:00+00:00",
}
A_RECORD: dict[str, Any] = {
    "id": 4711,
    "at": "2026-03-04T11:00:00+00:00",
    "actor_kind": "admin",
    "actor": "admin",
    "address": "192.0.2.7",
    "deed": "original.downloaded",
    "target": AN_ID,
    "outcome": "ok",
    "request_id": AN_ID,
    "detail": None,
}
A_SESSION: dict[str, Any] = {
    "authenticated": True,
    "username": "admin",
    "role": "owner",
    "auth_method": "session",
    "expires_at": "2026-03-04T23:00:00+00:00",
}
AN_ADMIN: dict[str, Any] = {
    "id": AN_ID,
    "name": "kim",
    "role": "operator",
    "is_enabled": True,
    "has_totp": False,
    "created_at": "2026-03-02T08:00:00+00:00",
    "last_login_at": "2026-03-04T11:00:00+00:00",
}
AN_ACCOUNT: dict[str, Any] = {
    "username": "kim",
    "role": "operator",
    "is_managed": True,
    "has_totp": True,
    "recovery_codes_left": 10,
}
A_SESSION_OF_MINE: dict[str, Any] = {
    "id": AN_ID,
    "address": "192.0.2.7",
    "browser": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "method": "password",
    "created_at": "2026-03-04T11:00:00+00:00",
    "seen_at": "2026-03-04T12:30:00+00:00",
    "expires_at": "2026-03-04T23:00:00+00:00",
    "is_current": True,
}
A_SESSION_OF_SOMEBODY: dict[str, Any] = {
    **A_SESSION_OF_MINE,
    "method": "oidc",
    "is_current": False,
    "username": "kim",
    "role": "operator",
}
MASKED: dict[str, Any] = {
    **DETECTED,
    "masking": {
        "method": "gaussian",
        "strength": 199,
        "cover": "face",
        "padding": 0.15,
        "regions_masked": 1,
        "doubtful": 0,
        "kept_faces": 0,
        "uncovered_faces": 0,
        "effective_strength": 389,
    },
    "metadata_removed": ["exif", "gps", "thumbnail"],
    "verification": {"rounds": 0, "regions_masked_again": 0, "residual_faces": 0, "verify_ms": 121.73},
    "output": {"format": "jpeg", "quality": 95, "size_bytes": 201334, "image_base64": "/9j/4AAQSkZJRgABAQAAAQ…"},
}
