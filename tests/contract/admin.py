"""The admin API's endpoints, the calls that its tests send, and rows and objects for them to find."""

import re
import uuid
from datetime import datetime
from typing import Any

import requests

from core.access import admins
from core.contract.roles import Role
from core.records.rows import StoredImage, StoredJob
from core.storage import objects
from tests.contract import pictures
from tests.core import rows
from tests.stack import Stack

ADMIN = "/api/v1/admin"
COOKIE = "face_api_session"
AN_ID = str(uuid.UUID(int=7))
AN_ITEM_ID = str(uuid.UUID(int=8))
# Every endpoint that asks for the administrator, and the tier that it needs.
ENDPOINTS = [
    ("GET", "/auth/session", ""),
    ("GET", "/stats", "storage"),
    ("GET", "/images", "storage"),
    ("GET", f"/images/{AN_ID}", "storage"),
    ("DELETE", f"/images/{AN_ID}", "storage"),
    ("GET", f"/images/{AN_ID}/download", "storage"),
    ("GET", "/jobs", "storage"),
    ("GET", f"/jobs/{AN_ID}", "storage"),
    ("GET", f"/jobs/{AN_ID}/download", "storage"),
    ("GET", "/reviews", "storage"),
    ("POST", f"/images/{AN_ID}/mask", "storage"),
    ("POST", f"/jobs/{AN_ID}/review", "storage"),
    ("POST", f"/jobs/{AN_ID}/undo", "storage"),
    ("POST", "/test/mask", ""),
    ("POST", "/api-keys", "database"),
    ("GET", "/api-keys", "database"),
    ("GET", f"/api-keys/{AN_ID}", "database"),
    ("PATCH", f"/api-keys/{AN_ID}", "database"),
    ("DELETE", f"/api-keys/{AN_ID}", "database"),
    ("POST", f"/api-keys/{AN_ID}/rotate", "database"),
    ("POST", "/admins", "database"),
    ("GET", "/admins", "database"),
    ("GET", f"/admins/{AN_ID}", "database"),
    ("PATCH", f"/admins/{AN_ID}", "database"),
    ("POST", f"/admins/{AN_ID}/password", "database"),
    ("POST", f"/admins/{AN_ID}/reset-totp", "database"),
    ("DELETE", f"/admins/{AN_ID}", "database"),
    ("GET", "/account", ""),
    ("POST", "/account/password", ""),
    ("POST", "/account/totp", ""),
    ("POST", "/account/totp/confirm", ""),
    ("POST", "/account/totp/disable", ""),
    ("GET", "/account/sessions", ""),
    ("DELETE", f"/account/sessions/{AN_ID}", ""),
    ("POST", "/account/end-other-sessions", ""),
    ("GET", "/sessions", ""),
    ("DELETE", f"/sessions/{AN_ID}", ""),
    ("GET", "/audit", "database"),
    ("GET", "/audit.jsonl", "database"),
    ("POST", "/batches", "storage"),
    ("GET", "/batches", "storage"),
    ("GET", f"/batches/{AN_ID}", "storage"),
    ("POST", f"/batches/{AN_ID}/images", "storage"),
    ("POST", f"/batches/{AN_ID}/unsent", "storage"),
    ("POST", f"/batches/{AN_ID}/close", "storage"),
    ("DELETE", f"/batches/{AN_ID}", "storage"),
    ("POST", f"/batches/{AN_ID}/retry-failed", "storage"),
    ("POST", f"/batches/{AN_ID}/cancel", "storage"),
    ("POST", f"/batches/{AN_ID}/items/{AN_ITEM_ID}/retry", "storage"),
    ("GET", f"/batches/{AN_ID}/items", "storage"),
    ("GET", f"/batches/{AN_ID}/items/{AN_ITEM_ID}/result", "storage"),
    ("GET", f"/batches/{AN_ID}/results", "storage"),
    ("GET", f"/batches/{AN_ID}/events", "storage"),
    ("GET", f"/batches/{AN_ID}/deliveries", "storage"),
    ("POST", f"/batches/{AN_ID}/deliveries/{AN_ITEM_ID}/redeliver", "storage"),
]
DOORS = [("POST", "/auth/login"), ("POST", "/auth/logout")]
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00\Z")


def call(service: Stack, method: str, path: str, **options: Any) -> requests.Response:
    """Call the admin API with what is given, and nothing else."""
    return requests.request(method, service.url + ADMIN + path, timeout=60, allow_redirects=False, **options)


def basic(service: Stack, method: str, path: str, **options: Any) -> requests.Response:
    """Call the admin API with the administrator's name and password."""
    return call(service, method, path, auth=("admin", service.settings["FACE_API_ADMIN_PASSWORD"]), **options)


def account(service: Stack, name: str, password: str, role: Role = Role.OPERATOR) -> uuid.UUID:
    """Create an administrator in the table; return its id."""
    assert service.services.sessions is not None
    with service.services.sessions() as session:
        return admins.create(session, name, password, role, reserved="admin").id


def log_in(service: Stack, password: str | None = None, **options: Any) -> requests.Response:
    """Send the login form."""
    right = service.settings["FACE_API_ADMIN_PASSWORD"]
    sent = {"username": "admin", "password": right if password is None else password}
    return call(service, "POST", "/auth/login", json=sent, **options)


def cookie(service: Stack, **options: Any) -> dict[str, str]:
    """Log in and return the cookie."""
    response = log_in(service, **options)
    assert response.status_code == 204, response.text
    return {COOKIE: response.cookies[COOKIE]}


def body(response: requests.Response, status: int = 200) -> dict[str, Any]:
    """The JSON object of an answer that has this status."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    found: dict[str, Any] = response.json()
    return found


def is_moment(text: object) -> bool:
    """Whether this is a timestamp as the contract writes it."""
    return isinstance(text, str) and bool(_MOMENT.match(text)) and bool(datetime.fromisoformat(text))


def kept(
    service: Stack, filename: str = "team.jpg", detections: Any = None, report: Any = None, **values: Any
) -> StoredJob:
    """Keep a picture and a job of it: by default a finished mask, with both objects in the store."""
    image_id, job_id = uuid.uuid4(), uuid.uuid4()
    created = {"created_at": values["created_at"]} if "created_at" in values else {}
    file = pictures.portrait()
    key = objects.original_key(image_id, filename)
    image = StoredImage(image_id, filename, "image/jpeg", len(file), 512, 512, key, **created)
    made: dict[str, Any] = {
        "job_type": "mask",
        "status": "completed",
        "confidence_threshold": 0.5,
        "nms_threshold": 0.4,
    }
    made |= {"face_count": 1, "inference_ms": 12.3456, "total_ms": 34.5678}
    if values.get("job_type", "mask") == "mask":
        made |= {"blur_method": "gaussian", "blur_strength": 199, "padding": 0.15, "output_format": "jpeg"}
        made |= {"output_quality": 95, "processed_s3_key": objects.processed_key(image_id, job_id, "jpeg")}
        made |= {"processed_size_bytes": len(file)}
    job = StoredJob(id=job_id, image_id=image_id, **made | values)
    store, sessions = service.services.store, service.services.sessions
    assert store is not None and sessions is not None
    store.put(key, file, "image/jpeg")
    if job.processed_s3_key:
        store.put(job.processed_s3_key, file, "image/jpeg")
    with sessions() as session:
        rows.save_result(session, image, job, detections, report)
    return job
