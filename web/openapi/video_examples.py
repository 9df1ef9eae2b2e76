"""Examples of videos for the OpenAPI document."""

from typing import Any

from web.openapi.examples import AN_ID

A_VIDEO: dict[str, Any] = {
    "id": AN_ID,
    "filename": "street.mp4",
    "size_bytes": 48211034,
    "status": "detecting",
    "progress": 0.4131,
    "frames_total": 15000,
    "frames_done": 10077,
    "eta_s": 402.5,
    "duration_s": 600.0,
    "width": 1920,
    "height": 1080,
    "fps": 25.0,
    "codec": "h264",
    "faces_tracked": None,
    "interpolated_share": None,
    "dropped": ["location", "chapters"],
    "result_size_bytes": None,
    "options": {"method": "gaussian", "strength": 199, "detail": "balanced", "format": "same", "stride": 1},
    "webhook_url": None,
    "error": None,
    "created_at": "2026-03-04T11:00:00.123456+00:00",
    "started_at": "2026-03-04T11:00:01.123456+00:00",
    "finished_at": None,
}
ACCEPTED: dict[str, Any] = {"id": AN_ID, "status_url": f"https://faces.example.org/api/v1/videos/{AN_ID}"}
AN_UPLOAD: dict[str, Any] = {"id": AN_ID, "filename": "street.mp4", "size_bytes": 48211034, "offset": 16777216}
A_FRAME = (
    '{"frame": 251, "time_s": 10.04, "faces": [{"track_id": 3, "bbox": {"x1": 812.4, "y1": 201.0, "x2": 901.7, '
    '"y2": 322.9}, "confidence": 0.8712, "seen": true}]}\n'
)
