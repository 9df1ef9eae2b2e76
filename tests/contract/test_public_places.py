"""The service behind its public name: links lead there, other hosts are refused, and every answer is of its kind."""

import pytest
import requests

from tests.contract.admin import basic, body, call, kept
from tests.contract.calls import WEB_ALONE, Starter, assert_problem, post
from tests.stack import Stack

PUBLIC = {"Host": "faces.example.org"}


@pytest.fixture(scope="module")
def public(start_service: Starter) -> Stack:
    """A stack that is reached as https://faces.example.org, from a proxy that tells nothing."""
    return start_service(
        FACE_API_PUBLIC_URL="https://faces.example.org",
        FACE_API_ALLOWED_HOSTS="faces.example.org,127.0.0.1",
        programs=WEB_ALONE,
    )


def test_other_host_is_refused(public: Stack) -> None:
    for host in ("evil.example", "127.0.0.2", "faces.example.org.evil.example"):
        assert_problem(requests.get(f"{public.url}/docs", headers={"Host": host}, timeout=30), 400)
        assert_problem(post(public, "/api/v1/detect", headers={"Host": host}), 400)
        assert requests.get(f"{public.url}/health", headers={"Host": host}, timeout=30).status_code in {200, 503}


@pytest.mark.usefixtures("embedded_tiers")
def test_links_lead_to_the_public_url(public: Stack) -> None:
    job = kept(public)
    for headers in (PUBLIC, {}):
        shown = body(basic(public, "GET", f"/jobs/{job.id}", headers=headers))
        assert shown["processed_url"].startswith("https://faces.example.org/objects/")


def test_public_page_may_change_things(public: Stack) -> None:
    sent = {"json": {"name": "own"}, "auth": ("admin", "correct horse")}
    for origin, status in (("https://faces.example.org", 201), ("http://faces.example.org", 403)):
        answer = call(public, "POST", "/api-keys", headers={"Origin": origin, "Host": "127.0.0.1"}, **sent)
        assert answer.status_code == status


@pytest.mark.parametrize(
    "path", ["/health", "/docs", "/openapi/openapi.json", "/nowhere", "/console/login", "/objects/x"]
)
def test_every_answer_has_its_headers(public: Stack, path: str) -> None:
    answer = requests.get(public.url + path, headers=PUBLIC, allow_redirects=False, timeout=30)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    plain = requests.get(public.url + path, allow_redirects=False, timeout=30)
    assert "Strict-Transport-Security" not in plain.headers
