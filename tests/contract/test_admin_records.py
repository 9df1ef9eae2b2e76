"""Numbers, images and jobs as the administrator sees them."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from core.records.rows import StoredJob
from tests.contract import pictures
from tests.contract.admin import basic, body, is_moment, kept
from tests.contract.calls import WEB_ALONE, Starter, assert_problem, fields
from tests.stack import Stack

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
FACE = {"index": 0, "bbox": {"x1": 1.5, "y1": 2.0, "x2": 3.0, "y2": 4.0}, "confidence": 0.9, "landmarks": None}
IMAGE = {
    "id", "filename", "content_type", "size_bytes", "width", "height", "original_url", "processed_url", "job_count",
    "created_at",
}  # fmt: skip
JOB = {
    "id", "image_id", "batch_id", "api_key_id", "job_type", "status", "method", "strength", "padding", "output_format",
    "output_quality", "confidence_threshold", "nms_threshold", "face_count", "inference_ms", "total_ms",
    "processed_url", "processed_size_bytes", "error", "created_at", "finished_at",
}  # fmt: skip


@pytest.fixture(scope="module")
def empty(start_service: Starter) -> Stack:
    """A stack that has kept nothing."""
    return start_service(programs=WEB_ALONE)


@pytest.fixture(scope="module")
def filled(start_service: Starter) -> Stack:
    """A stack with seven jobs, a day apart, the first the newest."""
    service = start_service(programs=WEB_ALONE)
    for number, values in enumerate(JOBS):
        kept(service, created_at=NOON - timedelta(days=number), **values)
    return service


BATCH = uuid.UUID(int=99)
PLAIN: dict[str, Any] = {"job_type": "detect"}
JOBS: list[dict[str, Any]] = [
    {},
    PLAIN,
    {"blur_method": "pixelate"},
    {"batch_id": BATCH, "blur_method": "solid"},
    PLAIN | {"batch_id": BATCH, "status": "queued", "face_count": None, "inference_ms": None},
    {"status": "failed", "error": "the picture does not decode completely", "processed_s3_key": None},
    {"blur_method": "elliptical"},
]


def listed(service: Stack, path: str, **query: Any) -> dict[str, Any]:
    return body(basic(service, "GET", path, params=query))


def assert_image(found: dict[str, Any], job: StoredJob) -> None:
    file = pictures.portrait()
    assert found["id"] == str(job.image_id)
    assert (found["filename"], found["content_type"]) == ("team.jpg", "image/jpeg")
    assert [type(found[name]) for name in ("size_bytes", "width", "height", "job_count")] == [int] * 4
    assert (found["size_bytes"], found["width"], found["height"], found["job_count"]) == (len(file), 512, 512, 1)
    assert is_moment(found["created_at"])
    for link in (found["original_url"], found["processed_url"]):
        assert requests.get(link, timeout=30).content == file


def assert_mask_job(found: dict[str, Any], job: StoredJob) -> None:
    reported = {name: found[name] for name in JOB - {"processed_url", "created_at"}}
    assert reported == {
        "id": str(job.id),
        "image_id": str(job.image_id),
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
        "inference_ms": 12.35,
        "total_ms": 34.57,
        "processed_size_bytes": len(pictures.portrait()),
        "error": None,
        "finished_at": None,
    }
    assert is_moment(found["created_at"])
    assert requests.get(found["processed_url"], timeout=30).headers["Content-Type"] == "image/jpeg"


def test_image_is_listed_field_by_field(service: Stack) -> None:
    job = kept(service)
    found = listed(service, "/images")
    assert set(found) == {"items", "total", "page", "per_page", "pages"}
    assert set(found["items"][0]) == IMAGE
    assert_image(found["items"][0], job)


def test_image_is_shown_with_its_jobs(service: Stack) -> None:
    job = kept(service)
    found = body(basic(service, "GET", f"/images/{job.image_id}"))
    assert set(found) == IMAGE | {"jobs"}
    assert_image(found, job)
    (only,) = found["jobs"]
    assert set(only) == JOB
    assert_mask_job(only, job)


def test_job_is_listed_field_by_field(service: Stack) -> None:
    job = kept(service)
    (found, *_) = listed(service, "/jobs")["items"]
    assert set(found) == JOB
    assert_mask_job(found, job)


def test_job_is_shown_with_its_image(service: Stack) -> None:
    job = kept(service, detections=[FACE])
    found = body(basic(service, "GET", f"/jobs/{job.id}"))
    assert set(found) == JOB | {"image", "detections", "report", "review_state", "edited_by", "uncovered_faces"}
    assert_mask_job(found, job)
    assert_image(found["image"], job)
    assert found["detections"] == [FACE]


def test_detect_job_has_nothing_of_a_mask(service: Stack) -> None:
    job = kept(service, job_type="detect", finished_at=NOON)
    found = body(basic(service, "GET", f"/jobs/{job.id}"))
    names = ("method", "strength", "padding", "output_format", "output_quality", "processed_url")
    assert [found[name] for name in (*names, "processed_size_bytes", "detections")] == [None] * 8
    assert found["finished_at"] == "2026-03-04T12:00:00+00:00"
    assert found["image"]["processed_url"] is None


def test_unfinished_job_has_no_results(filled: Stack) -> None:
    (found,) = listed(filled, "/jobs", status="queued")["items"]
    assert [found[name] for name in ("face_count", "inference_ms", "finished_at")] == [None] * 3


def test_failed_job_tells_why(filled: Stack) -> None:
    (found,) = listed(filled, "/jobs", status="failed")["items"]
    assert (found["error"], found["processed_url"]) == ("the picture does not decode completely", None)


def test_stats_add_up(filled: Stack) -> None:
    found = body(basic(filled, "GET", "/stats"))
    size = len(pictures.portrait())
    assert found == {
        "total_images": 7,
        "total_jobs": 7,
        "total_faces_detected": 6,
        "avg_inference_ms": 12.35,
        "storage_used_bytes": 7 * size + 5 * size,
        "jobs_by_type": {"detect": 2, "mask": 5},
        "jobs_by_method": {"elliptical": 1, "gaussian": 2, "pixelate": 1, "solid": 1},
    }


def test_stats_of_nothing_are_zero(empty: Stack) -> None:
    assert body(basic(empty, "GET", "/stats")) == {
        "total_images": 0,
        "total_jobs": 0,
        "total_faces_detected": 0,
        "avg_inference_ms": 0.0,
        "storage_used_bytes": 0,
        "jobs_by_type": {},
        "jobs_by_method": {},
    }


# --- pages and filters ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/images", "/jobs"])
def test_list_without_rows_is_empty(empty: Stack, path: str) -> None:
    assert listed(empty, path) == {"items": [], "total": 0, "page": 1, "per_page": 20, "pages": 0}


@pytest.mark.parametrize("path", ["/images", "/jobs"])
def test_pages_join_without_seam(filled: Stack, path: str) -> None:
    whole = [item["id"] for item in listed(filled, path)["items"]]
    pages = [listed(filled, path, page=page, per_page=3) for page in (1, 2, 3)]
    assert [item["id"] for page in pages for item in page["items"]] == whole
    assert [(page["total"], page["page"], page["per_page"], page["pages"]) for page in pages] == [
        (7, 1, 3, 3),
        (7, 2, 3, 3),
        (7, 3, 3, 3),
    ]


@pytest.mark.parametrize("path", ["/images", "/jobs"])
def test_lists_are_newest_first(filled: Stack, path: str) -> None:
    moments = [item["created_at"] for item in listed(filled, path)["items"]]
    assert moments == sorted(moments, reverse=True) and len(moments) == 7


@pytest.mark.parametrize("page", [4, 1000, 10**30])
@pytest.mark.parametrize("path", ["/images", "/jobs"])
def test_page_past_the_end_is_empty(filled: Stack, path: str, page: int) -> None:
    found = listed(filled, path, page=page, per_page=3)
    assert found == {"items": [], "total": 7, "page": page, "per_page": 3, "pages": 3}


@pytest.mark.parametrize("path", ["/images", "/jobs"])
def test_largest_page_is_a_hundred(filled: Stack, path: str) -> None:
    assert listed(filled, path, per_page=100)["pages"] == 1
    assert listed(filled, path, per_page=1)["pages"] == 7


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page", "0"),
        ("page", "-1"),
        ("page", "x"),
        ("page", ""),
        ("page", "1.5"),
        ("per_page", "0"),
        ("per_page", "101"),
        ("per_page", "-1"),
        ("per_page", "all"),
        ("pgae", "1"),
    ],
)
@pytest.mark.parametrize("path", ["/images", "/jobs"])
def test_odd_page_is_422(service: Stack, path: str, name: str, value: str) -> None:
    problem = assert_problem(basic(service, "GET", path, params={name: value}), 422)
    assert fields(problem) == {name}


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"job_type": "detect"}, [1, 4]),
        ({"job_type": "mask"}, [0, 2, 3, 5, 6]),
        ({"method": "pixelate"}, [2]),
        ({"method": "gaussian", "job_type": "mask"}, [0, 5]),
        ({"method": "gaussian", "job_type": "detect"}, []),
        ({"status": "completed", "job_type": "detect"}, [1]),
        ({"status": "running"}, []),
        ({"batch_id": str(BATCH)}, [3, 4]),
        ({"batch_id": str(BATCH), "status": "completed"}, [3]),
        ({"batch_id": str(uuid.UUID(int=1))}, []),
        ({"created_after": "2026-03-03T12:00:00+00:00"}, [0, 1]),
        ({"created_after": "2026-03-03T12:00:00.000001Z"}, [0]),
        ({"created_before": "2026-02-27T12:00:00Z"}, [6]),
        ({"created_after": "2026-03-02", "created_before": "2026-03-03"}, [2]),
        ({"created_after": "2026-03-02T13:00:00", "created_before": "2026-03-03T14:00:00+01:00"}, [1]),
        ({"created_before": "0001-01-01"}, []),
        ({"created_after": "9999-12-31T23:59:59-23:59"}, []),
        ({"created_after": "2026-03-04", "created_before": "2026-03-01"}, []),
    ],
    ids=str,
)
def test_filter_chooses_jobs(filled: Stack, query: dict[str, str], numbers: list[int]) -> None:
    whole = [item["id"] for item in listed(filled, "/jobs")["items"]]
    found = listed(filled, "/jobs", **query)
    assert [item["id"] for item in found["items"]] == [whole[number] for number in numbers]
    assert found["total"] == len(numbers)


def test_moment_may_be_unquoted(filled: Stack) -> None:
    url = f"{filled.url}/api/v1/admin/jobs?created_after=2026-03-03T12:00:00+00:00"
    found = requests.get(url, auth=("admin", "correct horse"), timeout=30)
    assert body(found)["total"] == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("job_type", "blur"),
        ("job_type", ""),
        ("method", "none"),
        ("status", "done"),
        ("batch_id", "7"),
        ("created_after", "yesterday"),
        ("created_after", "5"),
        ("created_before", "2026-13-01"),
        ("created", "2026"),
    ],
)
def test_odd_filter_is_422(service: Stack, name: str, value: str) -> None:
    problem = assert_problem(basic(service, "GET", "/jobs", params={name: value}), 422)
    assert fields(problem) == {name}
