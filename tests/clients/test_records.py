"""Calls of the Python client about what the service has stored."""

from datetime import UTC, datetime
from pathlib import Path

from face_api_client import Client
from tests.clients.scripted import Answer, ScriptedServer, as_json
from web.openapi.examples import A_JOB, A_JOB_IN_FULL, AN_IMAGE


def test_filters_are_sent() -> None:
    page = {"items": [A_JOB], "total": 21, "page": 2, "pages": 2}
    with ScriptedServer(as_json(page)).running() as server, Client(server.url) as client:
        since = datetime(2026, 3, 4, 11, tzinfo=UTC)
        found = client.list_jobs(page=2, method="solid", order="most_faces", created_after=since)
        (received,) = server.received
    path, query = received.path.split("?")
    assert path == "/api/v1/admin/jobs"
    assert set(query.split("&")) == {
        *("page=2", "per_page=20", "method=solid", "order=most_faces"),
        "created_after=2026-03-04T11%3A00%3A00%2B00%3A00",
    }
    assert (found.items[0].id, found.total, found.pages) == (A_JOB["id"], 21, 2)


def test_images_have_their_jobs_and_jobs_their_image() -> None:
    answers = as_json({**AN_IMAGE, "jobs": [A_JOB]}), as_json(A_JOB_IN_FULL)
    with ScriptedServer(*answers).running() as server, Client(server.url) as client:
        image = client.get_image("some")
        job = client.get_job(image.jobs[0].id)
        assert [one.path for one in server.received] == [
            "/api/v1/admin/images/some",
            f"/api/v1/admin/jobs/{A_JOB['id']}",
        ]
    assert job.image.filename == "team.jpg" and job.detections and job.detections[0]["confidence"]


def test_original_and_result_are_downloaded(tmp_path: Path) -> None:
    answers = Answer(body=(b"the original",)), Answer(body=(b"the result",))
    with ScriptedServer(*answers).running() as server, Client(server.url) as client:
        client.download_image("some", tmp_path / "original.jpg")
        client.download_job_result("job", tmp_path / "masked.jpg")
        assert [one.path for one in server.received] == [
            "/api/v1/admin/images/some/download",
            "/api/v1/admin/jobs/job/download",
        ]
    assert (tmp_path / "original.jpg").read_bytes() == b"the original"
    assert (tmp_path / "masked.jpg").read_bytes() == b"the result"
