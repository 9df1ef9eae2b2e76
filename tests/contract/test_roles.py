"""What the roles of administrators open: a viewer never gets an original, by any route."""

import re
import uuid
from typing import Any

import pytest
import requests

from core.contract.roles import Role
from core.contract.video_options import ResolvedVideoOptions, VideoQuery
from core.database.clock import now
from core.database.models import Batch, Video
from core.engine import defaults
from tests.contract.admin import COOKIE, account, basic, body, call, kept
from tests.contract.batches import begun, finish
from tests.contract.calls import WEB_ALONE, Starter, assert_problem
from tests.contract.test_scopes import ROUTES
from tests.stack import Stack

PASSWORD = "staple battery"
ORIGINALS = ("originals/", "source.mp4")
WEBHOOK = "https://hooks.example/services/not-for-all"  # who knows such an address may post to it
# What ends the request or changes what the others would show is no way to see something.
READS = [route for route in ROUTES if route.method == "GET" and "/auth/" not in route.path]


@pytest.fixture(scope="module")
def service(start_service: Starter) -> Stack:
    """A stack without a worker, with an administrator of each role who is called like it."""
    made = start_service(FACE_API_WEB_THREADS="16", programs=WEB_ALONE)
    for role in Role:
        account(made, str(role), PASSWORD, role)
    return made


@pytest.fixture(scope="module")
def ids(service: Stack) -> dict[str, str]:
    """Something of each kind that has an original and a result, by the name that routes have for it."""
    assert service.services.sessions is not None
    batch = begun(service, "a.jpg")
    finish(service, batch, every="completed")
    item = body(basic(service, "GET", f"/batches/{batch['id']}/items"))["items"][0]
    job = kept(service, detections=[], review_state="pending")
    video_id = uuid.uuid4()
    video = Video(id=video_id, filename="a.mp4", source_key=f"videos/{video_id}/source.mp4", source_is_ours=True)
    options = ResolvedVideoOptions(mask=defaults.resolve(VideoQuery().mask_query(), service.services.settings))
    video.size_bytes, video.status, video.finished_at = 9, "completed", now()
    video.options = options.model_dump(mode="json")
    video.result_key = f"videos/{video_id}/result.mp4"
    video.webhook_url = WEBHOOK
    with service.services.sessions() as session:
        session.add(video)
        session.get_one(Batch, uuid.UUID(batch["id"])).webhook_url = WEBHOOK
        session.commit()
    found = {"batch_id": batch["id"], "item_id": item["id"], "image_id": job.image_id, "job_id": job.id}
    return {name: str(one) for name, one in (found | {"video_id": video_id, "size": "small"}).items()}


def shown(service: Stack, ids: dict[str, str], role: Role) -> dict[str, str]:
    """All that an administrator of a role is shown by any route: texts, and where redirects lead."""
    found = {}
    for route in READS:
        path = route.path
        for name, one in ids.items():
            path = path.replace(f"<{name}>", one)
        query = {"job": ids["job_id"]} if path.endswith("/edit") else {}
        if "<" in path or path.endswith("/events"):
            continue
        options: dict[str, Any] = {"auth": (str(role), PASSWORD), "allow_redirects": False, "params": query}
        response = requests.get(service.url + path, timeout=60, **options)
        assert response.status_code < 500 or response.status_code == 503, route.path
        if response.status_code < 400:
            found[route.path] = response.headers.get("Location", "") + response.text
    return found


def test_no_route_leads_a_viewer_to_an_original(service: Stack, ids: dict[str, str]) -> None:
    leads = {role: _leading(shown(service, ids, role)) for role in (Role.VIEWER, Role.OPERATOR)}
    assert leads[Role.VIEWER] == set()
    assert leads[Role.OPERATOR] >= {
        *("/api/v1/admin/images", "/api/v1/admin/images/<image_id>", "/api/v1/admin/images/<image_id>/download"),
        *(
            "/api/v1/admin/jobs/<job_id>",
            "/api/v1/admin/reviews",
            "/console/jobs/<job_id>",
            "/console/videos/<video_id>",
        ),
        *("/console/images", "/console/images/<image_id>", "/console/review", "/console/images/<image_id>/edit"),
    }


def test_no_route_tells_a_viewer_where_webhooks_are(service: Stack, ids: dict[str, str]) -> None:
    told = {
        role: {path for path, text in shown(service, ids, role).items() if WEBHOOK in text}
        for role in (Role.VIEWER, Role.OPERATOR)
    }
    assert told[Role.VIEWER] == set()
    assert told[Role.OPERATOR] == {
        *("/api/v1/admin/batches", "/api/v1/admin/batches/<batch_id>", "/console/batches/<batch_id>"),
        *("/api/v1/videos", "/api/v1/videos/<video_id>", "/console/videos/<video_id>"),
    }


def _leading(pages: dict[str, str]) -> set[str]:
    """The routes that name an original: its object, or its thumbnail."""
    image = "/console/pictures/{}/small.jpg", "/console/pictures/{}/large.jpg"
    found = set()
    for path, text in pages.items():
        thumbnails = [part for part in text.split('"') if part.startswith("/console/pictures/")]
        of_original = [part for part in thumbnails if part.count("/") == image[0].count("/")]
        if of_original or any(name in text for name in ORIGINALS):
            found.add(path)
    return found


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.OWNER])
def test_thumbnails_of_originals_are_the_operators(service: Stack, ids: dict[str, str], role: Role) -> None:
    url = f"{service.url}/console/pictures/{ids['image_id']}/small.jpg"
    refused = requests.get(url, auth=("viewer", PASSWORD), timeout=60)
    assert assert_problem(refused, 403)["code"] == "missing_role"
    assert requests.get(url, auth=(str(role), PASSWORD), timeout=60).status_code == 503  # there is no worker


def test_links_to_results_stay_for_viewers(service: Stack, ids: dict[str, str]) -> None:
    image = body(call(service, "GET", f"/images/{ids['image_id']}", auth=("viewer", PASSWORD)))
    assert image["original_url"] is None and "processed/" in image["processed_url"]
    assert requests.get(image["processed_url"], timeout=60).status_code == 200


def test_new_role_counts_at_once(service: Stack) -> None:
    account(service, "Kim", PASSWORD, Role.OWNER)
    opened = call(service, "POST", "/auth/login", json={"username": "KIM", "password": PASSWORD})
    cookies = {COOKIE: opened.cookies[COOKIE]}
    session = body(call(service, "GET", "/auth/session", cookies=cookies))
    assert (session["username"], session["role"]) == ("Kim", "owner")
    assert call(service, "GET", "/api-keys", cookies=cookies).status_code == 200


def test_page_of_another_role_says_so(service: Stack) -> None:
    page = requests.get(f"{service.url}/console/keys", auth=("operator", PASSWORD), timeout=60)
    assert page.status_code == 403 and page.headers["Content-Type"].startswith("text/html")
    assert "Your role may not do this" in page.text and "operator" in page.text
    menu = set(re.findall(r'href="(/console/[a-z]*)"', page.text))
    assert "/console/review" in menu and not {"/console/keys", "/console/audit"} & menu


def test_deeds_name_the_one_who_did_them(service: Stack) -> None:
    job = kept(service)
    called = {"auth": ("operator", PASSWORD), "headers": {"X-Request-Id": str(uuid.uuid4())}}
    assert call(service, "DELETE", f"/images/{job.image_id}", **called).status_code == 204
    (record,) = body(basic(service, "GET", "/audit", params={"target": str(job.image_id)}))["items"]
    assert (record["deed"], record["actor"]) == ("image.deleted", "operator")
