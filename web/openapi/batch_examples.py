"""Examples of batches for the OpenAPI document."""

from typing import Any

from web.openapi.examples import A_JOB, AN_ID, AN_IMAGE, DETECTION

A_BATCH: dict[str, Any] = {
    "id": AN_ID,
    "name": "press photos",
    "job_type": "mask",
    "options": {
        "confidence": 0.4,
        "nms_threshold": 0.4,
        "max_faces": 0,
        "method": "pixelate",
        "strength": 199,
        "cover": "face",
        "padding": 0.15,
        "format": "jpeg",
        "quality": 95,
        "mask_regions": [{"unit": "relative", "x1": 0, "y1": 0.9, "x2": 1, "y2": 1}],
        "keep_regions": [],
    },
    "status": "running",
    "counts": {"queued": 612, "running": 2, "completed": 385, "failed": 1, "cancelled": 0, "total": 1000},
    "faces": 941,
    "rate_per_s": 18.412,
    "remaining_s": 33.3,
    "webhook_url": None,
    "prefix": None,
    "created_at": "2026-03-04T11:00:00.123456+00:00",
    "closed_at": "2026-03-04T11:00:41.001002+00:00",
    "finished_at": None,
}
AN_ITEM: dict[str, Any] = {
    "id": "9b2e6a0d-54a1-4d1c-8a55-6f1c8f0e2b7a",
    "name": "2026/spring/team.jpg",
    "state": "completed",
    "attempts": 1,
    "error": None,
    "image_id": AN_ID,
    "job_id": A_JOB["id"],
    "face_count": 3,
    "result_url": AN_IMAGE["processed_url"],
    "size_bytes": 245760,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "result_sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
    "created_at": "2026-03-04T11:00:00.123456+00:00",
    "finished_at": "2026-03-04T11:00:07.654321+00:00",
}
A_RECEIPT: dict[str, Any] = {
    "accepted": [{"id": AN_ITEM["id"], "name": AN_ITEM["name"], "state": "queued", "duplicate": False}],
    "refused": [{"name": "notes.txt", "code": "unsupported_image", "detail": "Not a supported picture format"}],
}
A_RESULT: dict[str, Any] = {
    "id": AN_ITEM["id"],
    "name": AN_ITEM["name"],
    "state": "completed",
    "error": None,
    "attempts": 1,
    "image_id": AN_ID,
    "job_id": A_JOB["id"],
    "size_bytes": 245760,
    "sha256": AN_ITEM["sha256"],
    "width": 1920,
    "height": 1080,
    "face_count": 1,
    "detections": [DETECTION],
    "job_type": "detect",
    "options": {"confidence": 0.4, "nms_threshold": 0.4, "max_faces": 0},
    "report": {"review_faces": 0},
    "total_ms": 98.76,
    "result": None,
    "result_sha256": None,
    "finished_at": "2026-03-04T11:00:07.654321+00:00",
}
A_DELIVERY: dict[str, Any] = {
    "id": "5d2f1a52-70a8-4f1b-9d43-0a9a6f3f7c55",
    "event": "batch.completed",
    "url": "https://photos.example.org/hooks/face-api",
    "status": "pending",
    "attempts": 2,
    "last_status": 502,
    "last_error": "the answer was 502",
    "next_attempt_at": "2026-03-04T11:06:00.123456+00:00",
    "created_at": "2026-03-04T11:00:54.000111+00:00",
    "delivered_at": None,
}
