"""What comes of a batch: one result, and all of them in an archive."""

import base64
import hashlib
import unicodedata
import uuid
from typing import Any

import pytest
import requests
import schemathesis
from sqlalchemy import update

from core.database.models import BatchItem
from tests.contract.admin import ADMIN, basic, body
from tests.contract.batches import archive, begun, finish, item_id, masked, picture
from tests.contract.calls import assert_problem
from tests.stack import Stack
from web.openapi.batch_examples import A_RESULT


def test_archive_holds_pictures_and_manifest(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", "2026/b.png", "bad.jpg", "late.jpg")
    finish(idle, batch, **{"a.jpg": "completed", "2026/b.png": "completed", "bad.jpg": "failed"})
    files, manifest = archive(idle, batch)
    assert files == {"a.jpg": masked("a.jpg"), "2026/b.png.jpg": masked("2026/b.png")}
    assert [one["name"] for one in manifest] == ["a.jpg", "2026/b.png", "bad.jpg"]
    first, _, bad = manifest
    assert first.keys() == A_RESULT.keys()
    assert first["sha256"] == hashlib.sha256(picture("a.jpg")).hexdigest()
    assert first["result_sha256"] == hashlib.sha256(files[first["result"]]).hexdigest()
    assert (first["state"], first["face_count"], first["detections"]) == ("completed", 1, [{"index": 0}])
    assert first["options"] == batch["options"]
    assert (bad["result"], bad["error"]) == (None, {"code": "undecodable_image", "detail": "it is cut short"})


def test_archive_grows_with_the_batch(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", "b.jpg")
    assert archive(idle, batch) == ({}, [])
    finish(idle, batch, **{"b.jpg": "completed"})
    assert set(archive(idle, batch)[0]) == {"b.jpg"}
    finish(idle, batch, every="completed")
    assert set(archive(idle, batch)[0]) == {"a.jpg", "b.jpg"}


def test_names_in_the_archive_are_distinct(idle: Stack) -> None:
    batch = begun(idle, "a.png", "a.png.jpg", "a.jpg", "manifest.jsonl")
    finish(idle, batch, every="completed")
    files, manifest = archive(idle, batch)
    assert {one["name"]: files[one["result"]] for one in manifest} == {
        name: masked(name) for name in ("a.png", "a.png.jpg", "a.jpg", "manifest.jsonl")
    }
    assert {"a.png.jpg", "a.jpg", "manifest.jsonl.jpg"} < set(files)


def test_names_in_the_archive_lead_nowhere_else(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", "b.jpg", "c.jpg")
    finish(idle, batch, every="completed")
    evil = {"a.jpg": "../../evil.jpg", "b.jpg": "/etc/evil.jpg", "c.jpg": "x\\..\\evil.jpg"}
    with idle.services.sessions() as session:  # type: ignore[misc]
        for name, other in evil.items():
            of_batch = BatchItem.batch_id == uuid.UUID(batch["id"])
            session.execute(update(BatchItem).where(of_batch, BatchItem.name == name).values(name=other))
        session.commit()
    files, manifest = archive(idle, batch)
    assert len(files) == 3
    assert all(one["result"] == f"{one['id']}.jpg" for one in manifest)


STRANGE = [
    "a.jpg",
    "a.jpg/b.jpg",
    "A.JPG",
    "c/d.jpg",
    "c",
    "C:/windows/evil.jpg",
    "C_/windows/evil.jpg",
    "CON.jpg",
    "deep/nul",
    "photo\u202egpj.exe",
    "one\u2028two.jpg",
    "dots./end .jpg.",
    "e\u0301.jpg",
    "\u00e9.jpg",
    "MANIFEST.JSONL/x.jpg",
]


def test_names_in_the_archive_suit_every_system(idle: Stack) -> None:
    batch = begun(idle, *STRANGE)
    finish(idle, batch, every="completed")
    files, manifest = archive(idle, batch)
    assert {one["name"]: files[one["result"]] for one in manifest} == {name: masked(name) for name in STRANGE}
    results = {one["name"]: one["result"] for one in manifest}
    assert (results["a.jpg"], results["c/d.jpg"], results["CON.jpg"]) == ("a.jpg", "c/d.jpg", "_CON.jpg")
    # Unpacked where case doesn't count, no file is another's folder, and none is written twice.
    folded = [unicodedata.normalize("NFC", name).casefold() for name in [*files, "manifest.jsonl"]]
    assert len(set(folded)) == len(folded)
    assert {other for other in folded for name in folded if name.startswith(other + "/")} == set()
    for name in files:
        assert name.isprintable() and not set(':*?"<>|\\') & set(name), name
        assert not [part for part in name.split("/") if part.rstrip(". ") != part]


def test_archive_of_many_pages_is_complete(idle: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{number:04}.jpg" for number in range(430)]
    batch = begun(idle, *names)
    finish(idle, batch, every="completed")
    files, manifest = archive(idle, batch)
    assert set(files) == {one["result"] for one in manifest} == set(names)


def test_archive_of_detections_is_the_manifest(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", job_type="detect")
    finish(idle, batch, every="completed")
    files, manifest = archive(idle, batch)
    assert files == {}
    assert (manifest[0]["detections"], manifest[0]["result"]) == ([{"index": 0}], None)


def test_deleted_picture_is_told_of(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", "b.jpg")
    finish(idle, batch, every="completed")
    image = body(basic(idle, "GET", f"/batches/{batch['id']}/items"))["items"][0]["image_id"]
    assert basic(idle, "DELETE", f"/images/{image}").status_code == 204
    files, manifest = archive(idle, batch)
    assert set(files) == {"b.jpg"}
    assert [(one["name"], one["state"], one["result"]) for one in manifest] == [
        (None, "deleted", None),
        ("b.jpg", "completed", "b.jpg"),
    ]
    said = {name for name, value in manifest[0].items() if value}
    assert said == {"id", "state", "attempts", "job_type", "options", "finished_at"}


def test_archive_is_named_after_its_batch(idle: Stack) -> None:
    batch = begun(idle, name="Frühling 2026")
    for method in ("GET", "HEAD"):
        response = basic(idle, method, f"/batches/{batch['id']}/results")
        assert response.headers["Content-Type"] == "application/zip"
        assert "filename*=UTF-8''Fr%C3%BChling%202026.zip" in response.headers["Content-Disposition"]


@pytest.mark.usefixtures("embedded_tiers")
def test_failing_store_breaks_the_archive(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", "b.jpg")
    finish(idle, batch, every="completed")
    (broken,) = [key.key for key in idle.services.store.list("processed/") if key.key.count(second_image(idle, batch))]  # type: ignore[union-attr]
    path = idle.own_settings().var_dir / "objects" / broken
    path.unlink()
    path.symlink_to(path)  # neither there nor missing: it can't be read
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        basic(idle, "GET", f"/batches/{batch['id']}/results")


def second_image(service: Stack, batch: dict[str, Any]) -> str:
    return str(body(basic(service, "GET", f"/batches/{batch['id']}/items"))["items"][1]["image_id"])


# --- one result ----------------------------------------------------------------------------------


def test_result_of_an_item_is_its_picture(idle: Stack) -> None:
    batch = begun(idle, "x/b.png")
    finish(idle, batch, every="completed")
    response = basic(idle, "GET", f"/batches/{batch['id']}/items/{item_id(idle, batch, 'x/b.png')}/result")
    assert (response.status_code, response.content) == (200, masked("x/b.png"))
    assert response.headers["Content-Type"] == "image/jpeg"
    assert 'filename="b.png.jpg"' in response.headers["Content-Disposition"]
    digest = base64.b64encode(hashlib.sha256(response.content).digest()).decode()
    assert response.headers["Repr-Digest"] == f"sha-256=:{digest}:"


def test_result_of_a_detection_is_its_entry(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", job_type="detect")
    finish(idle, batch, every="completed")
    found = body(basic(idle, "GET", f"/batches/{batch['id']}/items/{item_id(idle, batch, 'a.jpg')}/result"))
    assert archive(idle, batch)[1] == [found]


@pytest.mark.parametrize("outcome", ["queued", "failed"])
def test_item_without_result_is_404(idle: Stack, outcome: str) -> None:
    batch = begun(idle, "a.jpg")
    if outcome == "failed":
        finish(idle, batch, every="failed")
    path = f"/batches/{batch['id']}/items/{item_id(idle, batch, 'a.jpg')}/result"
    assert_problem(basic(idle, "GET", path), 404)


def test_result_is_found_in_its_own_batch_alone(idle: Stack) -> None:
    batch, other = begun(idle, "a.jpg"), begun(idle)
    finish(idle, batch, every="completed")
    assert_problem(basic(idle, "GET", f"/batches/{other['id']}/items/{item_id(idle, batch, 'a.jpg')}/result"), 404)


def test_answers_are_as_described(idle: Stack) -> None:
    document = requests.get(f"{idle.url}/openapi/openapi.json", timeout=30).json()
    described = schemathesis.openapi.from_dict(document)
    for kind in ("mask", "detect"):
        batch = begun(idle, "a.jpg", job_type=kind)
        finish(idle, batch, every="completed")
        path = f"/batches/{batch['id']}/items/{item_id(idle, batch, 'a.jpg')}/result"
        operation = described[f"{ADMIN}/batches/{{batch_id}}/items/{{item_id}}/result"]["GET"]
        operation.validate_response(basic(idle, "GET", path))


def test_items_are_told_in_the_order_of_their_ends(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", "b.jpg", "c.jpg")
    for name, outcome in (("c.jpg", "completed"), ("a.jpg", "failed")):
        finish(idle, batch, **{name: outcome})

    def ended(**query: str) -> list[dict[str, Any]]:
        found = body(basic(idle, "GET", f"/batches/{batch['id']}/items", params=query))
        assert found["total"] == len(found["items"])
        return list(found["items"])

    first, second = ended(finished_after="2026-01-01")
    assert (first["name"], second["name"]) == ("c.jpg", "a.jpg")
    assert ended(finished_after=second["finished_at"]) == [second]
    assert ended(finished_after="2026-01-01", state="completed") == [first]
    assert ended(finished_after="2126-01-01") == []


def test_finished_batch_is_deleted_with_its_pictures(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", "b.jpg")
    path = f"/batches/{batch['id']}"
    images = [one["image_id"] for one in body(basic(idle, "GET", f"{path}/items"))["items"]]
    refused = assert_problem(basic(idle, "DELETE", path), 409)
    assert refused["code"] == "batch_unfinished"
    finish(idle, batch, every="completed")
    assert basic(idle, "POST", f"{path}/close").status_code == 200
    deleted = basic(idle, "DELETE", path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    for method, gone in (("DELETE", path), ("GET", path), ("GET", f"{path}/items"), ("GET", f"{path}/results")):
        assert_problem(basic(idle, method, gone), 404)
    for image in images:
        assert_problem(basic(idle, "GET", f"/images/{image}"), 404)
