"""The stored files of an image: their links, and how they are deleted."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from core.database.models import CleanupTask
from core.records.rows import StoredJob
from tests.contract import pictures
from tests.contract.admin import basic, body, call, cookie, kept
from tests.contract.calls import WEB_ALONE, Starter, assert_problem
from tests.stack import Stack


def test_image_download_leads_to_the_original(service: Stack) -> None:
    job = kept(service, filename="Büro 1.jpg")
    response = basic(service, "GET", f"/images/{job.image_id}/download")
    assert response.status_code == 302 and response.headers["Cache-Control"] == "no-store"
    file = requests.get(response.headers["Location"], timeout=30)
    assert (file.status_code, file.content) == (200, pictures.portrait())
    disposition = "attachment; filename=\"Buro 1.jpg\"; filename*=UTF-8''B%C3%BCro%201.jpg"
    assert file.headers["Content-Disposition"] == disposition


def test_job_download_leads_to_the_result(service: Stack) -> None:
    job = kept(service)
    response = basic(service, "GET", f"/jobs/{job.id}/download")
    assert response.status_code == 302
    file = requests.get(response.headers["Location"], timeout=30)
    assert (file.status_code, file.content) == (200, pictures.portrait())
    assert file.headers["Content-Disposition"] == 'attachment; filename="team-masked.jpeg"'


def test_detection_has_no_download(service: Stack) -> None:
    job = kept(service, job_type="detect")
    assert_problem(basic(service, "GET", f"/jobs/{job.id}/download"), 404)


@pytest.mark.usefixtures("embedded_tiers")
def test_object_is_served_safely(service: Stack) -> None:
    job = kept(service)
    link = body(basic(service, "GET", f"/jobs/{job.id}"))["processed_url"]
    file = requests.get(link, timeout=30)
    assert file.headers["Cache-Control"] == "private, no-store"
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert file.headers["Content-Type"] == "image/jpeg"
    assert file.headers["Content-Disposition"].startswith("inline")
    assert "sandbox" in file.headers["Content-Security-Policy"]


@pytest.mark.usefixtures("embedded_tiers")
def test_parts_of_an_object_are_served(service: Stack) -> None:
    """A player asks for ranges: of a video, the beginning and then where a person jumps to."""
    job = kept(service)
    link = body(basic(service, "GET", f"/jobs/{job.id}"))["processed_url"]
    whole = requests.get(link, timeout=30)
    assert whole.headers["Accept-Ranges"] == "bytes" and whole.headers["Content-Length"] == str(len(whole.content))
    for asked, part in [("bytes=5-14", slice(5, 15)), ("bytes=-7", slice(-7, None)), ("bytes=100-", slice(100, None))]:
        found = requests.get(link, headers={"Range": asked}, timeout=30)
        assert (found.status_code, found.content) == (206, whole.content[part])
        assert found.headers["Cache-Control"] == "private, no-store"
    beyond = requests.get(link, headers={"Range": f"bytes={len(whole.content) + 5}-"}, timeout=30)
    assert (beyond.status_code, beyond.content) == (200, whole.content)
    head = requests.head(link, timeout=30)
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, str(len(whole.content)), b"")


@pytest.mark.usefixtures("embedded_tiers")
def test_altered_link_is_404(service: Stack) -> None:
    mine, other = kept(service), kept(service)
    link = body(basic(service, "GET", f"/jobs/{mine.id}"))["processed_url"]
    for altered in (
        link.partition("?")[0],
        link.replace("image%2Fjpeg", "text%2Fhtml"),
        link.replace("expires=", "expires=9"),
        link.replace(str(mine.image_id), str(other.image_id)).replace(str(mine.id), str(other.id)),
        link + "&more=1",
    ):
        assert altered != link
        assert_problem(requests.get(altered, timeout=30), 404)


@pytest.mark.parametrize("key", ["x", "../link-secret", "%2e%2e/link-secret", "originals//x", "%00"])
def test_made_up_link_is_404(service: Stack, key: str) -> None:
    refused = requests.get(f"{service.url}/objects/{key}?signature=0&expires=99999999999", timeout=30)
    assert_problem(refused, 404)
    assert refused.headers.get("Cache-Control") == ("private, no-store" if "/objects/" in refused.url else None)


@pytest.mark.usefixtures("embedded_tiers")
def test_link_expires(start_service: Starter) -> None:
    service = start_service(FACE_API_LINK_LIFETIME_S="6", programs=WEB_ALONE)
    job = kept(service)
    link = body(basic(service, "GET", f"/jobs/{job.id}"))["processed_url"]
    assert requests.get(link, timeout=30).status_code == 200
    service.until(lambda: requests.get(link, timeout=30).status_code == 404)


def tasks(service: Stack, job: StoredJob) -> list[str]:
    """Keys of this image's objects that are still to be removed."""
    assert service.services.sessions is not None
    with service.services.sessions() as session:
        return [key for key in session.scalars(select(CleanupTask.s3_key)) if str(job.image_id) in key]


def stored(service: Stack, job: StoredJob) -> list[str]:
    """Keys of this image's objects in the store."""
    assert service.services.store is not None
    return [found.key for found in service.services.store.list() if str(job.image_id) in found.key]


@contextmanager
def refusing(service: Stack, job: StoredJob) -> Iterator[None]:
    """Have the store refuse to remove an original: its folder's name leads in a circle meanwhile."""
    folder = Path(service.folder, "objects", "originals", str(job.image_id))
    aside = folder.with_name(f"aside-{job.image_id}")
    folder.rename(aside)
    folder.symlink_to(folder)
    yield
    folder.unlink()
    aside.rename(folder)


@pytest.mark.usefixtures("embedded_tiers")
def test_deleted_image_is_gone(service: Stack) -> None:
    job = kept(service)
    link = body(basic(service, "GET", f"/images/{job.image_id}"))["original_url"]
    assert len(stored(service, job)) == 2
    response = basic(service, "DELETE", f"/images/{job.image_id}")
    assert (response.status_code, response.content) == (204, b"")
    assert stored(service, job) == [] and tasks(service, job) == []
    for path in (f"/images/{job.image_id}", f"/jobs/{job.id}", f"/images/{job.image_id}/download"):
        assert_problem(basic(service, "GET", path), 404)
    assert_problem(basic(service, "DELETE", f"/images/{job.image_id}"), 404)
    assert_problem(requests.get(link, timeout=30), 404)


def test_deletion_by_cookie_works(service: Stack) -> None:
    job = kept(service)
    assert call(service, "DELETE", f"/images/{job.image_id}", cookies=cookie(service)).status_code == 204


@pytest.mark.usefixtures("embedded_tiers")
def test_refused_removal_stays_queued(service: Stack) -> None:
    job = kept(service)
    with refusing(service, job):
        assert basic(service, "DELETE", f"/images/{job.image_id}").status_code == 204
        assert_problem(basic(service, "GET", f"/images/{job.image_id}"), 404)
    assert len(stored(service, job)) == 2
    assert sorted(tasks(service, job)) == sorted(stored(service, job))


def test_deletion_leaves_others(service: Stack) -> None:
    mine, other = kept(service), kept(service)
    basic(service, "DELETE", f"/images/{mine.image_id}")
    assert len(stored(service, other)) == 2
    assert basic(service, "GET", f"/jobs/{other.id}").status_code == 200
