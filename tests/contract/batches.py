"""Batches for the tests: begun, ended item by item, and what there is to fetch of them."""

import hashlib
import io
import json
import uuid
import zipfile
from typing import Any

from sqlalchemy import update

from core.database.clock import now
from core.database.models import Batch, BatchItem, ProcessingJob
from core.storage import objects
from tests.contract import pictures
from tests.contract.admin import basic, body
from tests.stack import Stack


def begun(service: Stack, *names: str, **sent: Any) -> dict[str, Any]:
    """Begin a batch with pictures of these names, all of them different."""
    batch = body(basic(service, "POST", "/batches", json={"name": "press", **sent}), 201)
    files = [("images", (name, picture(name))) for name in names]
    if files:
        receipt = body(basic(service, "POST", f"/batches/{batch['id']}/images", files=files), 202)
        assert not receipt["refused"]
    return batch


def picture(name: str) -> bytes:
    """A picture of its own for each name; what follows a JPEG's end is no part of it."""
    return pictures.encoded(pictures.landscape(), "JPEG") + name.encode()


def masked(name: str) -> bytes:
    return b"masked " + name.encode()


def finish(service: Stack, batch: dict[str, Any], **outcomes: str) -> None:
    """End items, by name: `completed` with a masked picture in the store, or `failed`."""
    store, sessions = service.services.store, service.services.sessions
    assert store is not None and sessions is not None
    with sessions() as session:
        for item in session.query(BatchItem).filter(BatchItem.batch_id == uuid.UUID(batch["id"])):
            assert item.name is not None
            outcome = outcomes.get(item.name, outcomes.get("every"))
            if outcome is None or item.state != "queued":
                continue
            item.state, item.finished_at, item.attempts = outcome, now(), 1
            job: dict[str, Any] = {"status": outcome, "detections": [{"index": 0}], "report": {"review_faces": 0}}
            if outcome == "completed":
                item.face_count = 1
                if batch["job_type"] == "mask":
                    key = objects.processed_key(item.image_id, item.job_id, "jpeg")  # type: ignore[arg-type]
                    store.put(key, masked(item.name), "image/jpeg")
                    item.result_digest = hashlib.sha256(masked(item.name)).hexdigest()
                    job |= {"processed_s3_key": key, "processed_size_bytes": 9, "face_count": 1}
            else:
                item.error_code, item.error_detail = "undecodable_image", "it is cut short"
            session.execute(update(ProcessingJob).where(ProcessingJob.id == item.job_id).values(job))
            counts = {outcome: getattr(Batch, outcome) + 1, "queued": Batch.queued - 1}
            session.execute(update(Batch).where(Batch.id == item.batch_id).values(counts))
        session.commit()


def archive(service: Stack, batch: dict[str, Any]) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """Download the results; return the pictures by name, and the manifest's entries."""
    response = basic(service, "GET", f"/batches/{batch['id']}/results")
    assert response.status_code == 200, response.text
    with zipfile.ZipFile(io.BytesIO(response.content)) as found:
        assert found.testzip() is None
        files = {name: found.read(name) for name in found.namelist()}
        assert len(files) == len(found.namelist())
    manifest = [json.loads(line) for line in files.pop("manifest.jsonl").splitlines()]
    return files, manifest


def item_id(service: Stack, batch: dict[str, Any], name: str) -> str:
    items = body(basic(service, "GET", f"/batches/{batch['id']}/items"))["items"]
    return next(str(one["id"]) for one in items if one["name"] == name)
