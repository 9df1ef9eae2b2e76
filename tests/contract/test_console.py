"""The console as HTTP shows it: who is let in, what a page may load, what stands on it. The rest is a browser's."""

import re
import urllib.parse
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.contract.admin import ADMIN, AN_ID, COOKIE, basic, body, cookie, kept
from tests.contract.calls import WEB_ALONE, Starter, assert_problem
from tests.pictures import file, opened, quarters
from tests.stack import Stack
from web.console import assets, pages

PAGES = ["/", "/images", "/jobs", "/keys", "/test"]
DATA = ["/live.json", f"/pictures/{AN_ID}/small.jpg", f"/pictures/{AN_ID}/{AN_ID}/small.jpg"]
OTHER_SITES = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://elsewhere.example"},
    {"Origin": "null"},
    {"Referer": "https://elsewhere.example/page"},
]
ELSEWHERE = [
    "https://elsewhere.example/console/",
    "//elsewhere.example/console/",
    "/\\elsewhere.example",
    "/console/\\..\\..\\elsewhere",
    "/console/../api/v1/admin/stats",
    "/consoleelsewhere",
    "javascript:alert(1)",
    "/console/\n//elsewhere.example",
    "/objects/x",
    "//[",
    "",
]


def get(service: Stack, path: str, **options: Any) -> requests.Response:
    """Ask for a page of the console, and follow nothing."""
    return requests.get(f"{service.url}/console{path}", timeout=60, allow_redirects=False, **options)


def post(service: Stack, path: str, **options: Any) -> requests.Response:
    return requests.post(f"{service.url}/console{path}", timeout=60, allow_redirects=False, **options)


def log_in(service: Stack, password: str | None = None, **more: Any) -> requests.Response:
    """Send the login form."""
    right = service.settings["FACE_API_ADMIN_PASSWORD"]
    form = {"username": "admin", "password": right if password is None else password} | more.pop("form", {})
    return post(service, "/login", data=form, **more)


def text(response: requests.Response, status: int = 200) -> str:
    """The HTML of a page that has this status and the headers of every page."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert_nothing_inline(response)
    return response.text


def assert_nothing_inline(response: requests.Response) -> None:
    """No script or style stands in a page, and its policy would stop one."""
    policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert not re.search(r"\s(style|on[a-z]+)=|<style|javascript:", response.text)
    for tag in re.findall(r"<script[^>]*>", response.text):
        assert " src=" in tag or 'type="application/json"' in tag
    for link in re.findall(r"""\s(?:src|href|action)="([^"]*)""", response.text):
        assert link.startswith(("/", "#", "?")) and not link.startswith("//"), link


@pytest.fixture(scope="module")
def session(service: Stack) -> dict[str, str]:
    return cookie(service)


# --- who is let in -------------------------------------------------------------------------------------


def test_service_leads_to_the_console(service: Stack) -> None:
    response = requests.get(service.url, timeout=30, allow_redirects=False)
    assert (response.status_code, response.headers["Location"]) == (302, "/console/")


@pytest.mark.parametrize("path", [*PAGES, "/jobs?status=failed&page=2", f"/images/{AN_ID}", "/nowhere"])
def test_page_without_session_leads_to_the_login(service: Stack, path: str) -> None:
    response = get(service, path)
    assert response.status_code == 302
    led = urllib.parse.urlsplit(response.headers["Location"])
    assert (led.path, urllib.parse.parse_qs(led.query)) == ("/console/login", {"next": [f"/console{path}"]})


@pytest.mark.parametrize("path", DATA)
def test_data_without_session_is_a_problem(service: Stack, path: str) -> None:
    assert_problem(get(service, path), 401)
    assert_problem(get(service, path, headers={"X-API-Key": service.key}), 401)


@pytest.mark.parametrize("path", PAGES)
def test_cookie_and_basic_open_pages(service: Stack, session: dict[str, str], path: str) -> None:
    assert "<h1>" in text(get(service, path, cookies=session))
    assert "<h1>" in text(get(service, path, auth=("admin", "correct horse")))


def test_login_leads_on(service: Stack) -> None:
    response = log_in(service, form={"next": "/console/jobs?status=failed"})
    assert (response.status_code, response.headers["Location"]) == (303, "/console/jobs?status=failed")
    assert "HttpOnly" in response.headers["Set-Cookie"] and "SameSite=Strict" in response.headers["Set-Cookie"]
    assert get(service, "/", cookies={COOKIE: response.cookies[COOKIE]}).status_code == 200


@pytest.mark.parametrize("target", ELSEWHERE)
def test_login_leads_nowhere_else(service: Stack, session: dict[str, str], target: str) -> None:
    assert log_in(service, form={"next": target}).headers["Location"] == "/console/"
    led = get(service, "/login", params={"next": target}, cookies=session)
    assert (led.status_code, led.headers["Location"]) == (302, "/console/")
    assert post(service, "/preferences", data={"next": target}).headers["Location"] == "/console/"


def test_wrong_password_is_said(service: Stack) -> None:
    response = log_in(service, "wrong", form={"next": "/console/keys"})
    page = text(response, 401)
    assert "Incorrect username or password." in page
    assert 'value="/console/keys"' in page and 'value="admin"' in page and "wrong horse" not in page
    assert "Set-Cookie" not in response.headers
    assert not response.headers["WWW-Authenticate"].startswith("Basic")
    log_in(service)


def test_logout_ends_the_session(service: Stack) -> None:
    own = cookie(service)
    assert get(service, "/", cookies=own).status_code == 200
    response = post(service, "/logout", cookies=own)
    assert (response.status_code, response.headers["Location"]) == (303, "/console/login")
    assert COOKIE in response.headers["Set-Cookie"] and "Max-Age=0" in response.headers["Set-Cookie"]
    assert get(service, "/", cookies=own).status_code == 302
    assert_problem(requests.get(service.url + ADMIN + "/stats", cookies=own, timeout=30), 401)


@pytest.mark.parametrize("headers", OTHER_SITES)
def test_other_sites_are_refused(service: Stack, headers: dict[str, str]) -> None:
    own = cookie(service)
    for path in ("/login", "/logout", "/preferences"):
        form = {"username": "admin", "password": "correct horse", "theme": "dark"}
        response = post(service, path, data=form, headers=headers, cookies=own)
        assert "another site" in text(response, 403) and "Set-Cookie" not in response.headers
    assert get(service, "/", cookies=own).status_code == 200


# --- pages ------------------------------------------------------------------------------------------------


def test_error_is_a_page_with_the_request(service: Stack, session: dict[str, str]) -> None:
    request_id = str(uuid.uuid4())
    response = get(service, "/nowhere", cookies=session, headers={"X-Request-Id": request_id})
    assert request_id in text(response, 404)


@pytest.mark.parametrize("path", [f"/images/{AN_ID}", f"/jobs/{AN_ID}", "/images/x", f"/jobs/{AN_ID.upper()}x"])
def test_unknown_thing_is_a_404_page(service: Stack, session: dict[str, str], path: str) -> None:
    assert "Page not found" in text(get(service, path, cookies=session), 404)


@pytest.mark.parametrize("query", ["page=0", "status=lost", "unheard_of=1", "page=1&page=2", "created_after=now"])
def test_strange_address_is_a_422_page(service: Stack, session: dict[str, str], query: str) -> None:
    assert query.split("=", maxsplit=1)[0] in text(get(service, f"/jobs?{query}", cookies=session), 422)


def test_preview_is_for_the_administrator_and_a_picture(service: Stack, session: dict[str, str]) -> None:
    path = f"{service.url}/console/preview"
    picture = {"image": ("a.heic", file(quarters(80, 60), "heic"))}
    assert_problem(requests.post(path, files=picture, timeout=30), 401)
    assert_problem(requests.post(path, cookies=session, timeout=30), 422)
    assert_problem(requests.post(path, files={"image": b"none"}, cookies=session, timeout=30), 415)
    shown = requests.post(path, files=picture, cookies=session, timeout=30)
    assert (shown.headers["X-Image-Size"], shown.headers["Cache-Control"]) == ("80 60", "no-store")
    assert opened(shown.content).size == (80, 60)


def test_empty_parameters_ask_for_nothing(service: Stack, session: dict[str, str]) -> None:
    assert get(service, "/jobs?status=&method=&created_after=", cookies=session).status_code == 200


def test_list_without_a_match_leads_to_all(start_service: Starter) -> None:
    service = start_service(programs=WEB_ALONE)  # one of its own, where others have made nothing
    session = cookie(service)
    for name, query in (
        ("images", "name=none"),
        ("jobs", "method=solid"),
        ("batches", "status=running"),
        ("videos", "status=failed"),
    ):
        shown = text(get(service, f"/{name}?{query}", cookies=session))
        assert f"No matching {name}" in shown and f"No {name} yet" not in shown
        assert f'class="button" href="/console/{name}"' in shown


def test_ended_batch_without_images_waits_for_none(service: Stack, session: dict[str, str]) -> None:
    batch = body(basic(service, "POST", "/batches", json={"name": "empty"}), 201)["id"]
    waiting = text(get(service, f"/batches/{batch}", cookies=session))
    body(basic(service, "POST", f"/batches/{batch}/close"))
    ended = text(get(service, f"/batches/{batch}", cookies=session))
    assert "No images yet" in waiting and "No images yet" not in ended and ">No images<" in ended
    assert "Show images" in waiting and "Show images" not in ended


def test_names_are_shown_as_they_are(service: Stack, session: dict[str, str]) -> None:
    odd = "<script>alert('&')</script>.jpg"
    job = kept(service, filename="a&b é 사진.jpg")
    body(basic(service, "POST", "/api-keys", json={"name": odd}), 201)
    assert "a&amp;b é 사진.jpg" in text(get(service, f"/images/{job.image_id}", cookies=session))
    page = text(get(service, "/keys", cookies=session))
    assert "<script>alert" not in page and "&lt;script&gt;" in page


def test_failed_job_says_why(service: Stack, session: dict[str, str]) -> None:
    job = kept(service, status="failed", error="the picture was <cut> off", processed_s3_key=None)
    for path in ("/", "/jobs?status=failed", f"/jobs/{job.id}", f"/images/{job.image_id}"):
        assert "the picture was &lt;cut&gt; off" in text(get(service, path, cookies=session))


def test_job_page_tells_what_the_api_does(service: Stack, session: dict[str, str]) -> None:
    face = {"index": 0, "bbox": {"x1": 10, "y1": 20, "x2": 40, "y2": 80}, "confidence": 0.9, "landmarks": None}
    job = kept(service, detections=[face])
    page = text(get(service, f"/jobs/{job.id}", cookies=session))
    assert str(job.id) in page and "&#34;confidence&#34;: 0.9" in page
    drawn = text(get(service, f"/images/{job.image_id}", cookies=session))
    assert '<rect x="10.0" y="20.0" width="30.0" height="60.0"/>' in drawn


def test_pages_of_a_list_hold_all_once(service: Stack, session: dict[str, str]) -> None:
    for _ in range(3):
        kept(service, job_type="detect")
    total = body(basic(service, "GET", "/jobs"))["total"]
    for order in ("newest", "oldest"):
        shown: list[str] = []
        for number in range(1, -(-total // 2) + 1):
            page = text(get(service, f"/jobs?per_page=2&page={number}&order={order}", cookies=session))
            shown += re.findall(r'href="/console/jobs/([\w-]{36})"', page)
        assert len(shown) == len(set(shown)) == total


# --- small pictures -----------------------------------------------------------------------------------------


def test_small_pictures_are_private(service: Stack, session: dict[str, str]) -> None:
    job = kept(service)
    for path in (f"/{job.image_id}", f"/{job.image_id}/newest", f"/{job.image_id}/{job.id}"):
        response = get(service, f"/pictures{path}/small.jpg", cookies=session)
        assert response.status_code == 200 and response.headers["Content-Type"] == "image/jpeg"
        assert max(opened(response.content).size) == 480
        assert response.headers["Cache-Control"] == "private, no-cache"
        again = {"If-None-Match": response.headers["ETag"]}
        assert get(service, f"/pictures{path}/small.jpg", cookies=session, headers=again).status_code == 304
        assert_problem(get(service, f"/pictures{path}/small.jpg", headers=again), 401)


def test_small_pictures_may_have_any_name(service: Stack, session: dict[str, str]) -> None:
    job = kept(service, filename='사진 "é".jpg')
    response = get(service, f"/pictures/{job.image_id}/small.jpg", cookies=session)
    assert response.status_code == 200 and response.headers["ETag"].isascii()


def test_large_pictures_are_no_larger_than_the_original(service: Stack, session: dict[str, str]) -> None:
    job = kept(service)
    response = get(service, f"/pictures/{job.image_id}/large.jpg", cookies=session)
    assert opened(response.content).size == (512, 512)


def test_small_picture_goes_with_the_image(service: Stack, session: dict[str, str]) -> None:
    job = kept(service)
    path = f"/pictures/{job.image_id}/small.jpg"
    reported = get(service, path, cookies=session)
    assert basic(service, "DELETE", f"/images/{job.image_id}").status_code == 204
    assert_problem(get(service, path, cookies=session, headers={"If-None-Match": reported.headers["ETag"]}), 404)


@pytest.mark.parametrize("path", [f"/{AN_ID}/small.jpg", "/x/small.jpg", "/{image}/huge.jpg", "/{image}/x/small.jpg"])
def test_unknown_small_picture_is_404(service: Stack, session: dict[str, str], path: str) -> None:
    job = kept(service)
    assert_problem(get(service, "/pictures" + path.format(image=job.image_id), cookies=session), 404)


def test_missing_object_is_404(service: Stack, session: dict[str, str]) -> None:
    job = kept(service)
    store = service.services.store
    assert store is not None and job.processed_s3_key
    store.delete(job.processed_s3_key)
    assert_problem(get(service, f"/pictures/{job.image_id}/newest/small.jpg", cookies=session), 404)


# --- the rest --------------------------------------------------------------------------------------------------


def test_live_cards_tell_of_workers(service: Stack, session: dict[str, str]) -> None:
    cards = {card["name"]: card for card in body(get(service, "/live.json", cookies=session))["cards"]}
    assert {card["state"] for card in cards.values()} == {"ok"}
    assert "1 worker" in cards["queue"]["detail"] and "2 processes" in cards["queue"]["detail"]


def test_live_cards_notice_what_is_gone(without_worker: Stack) -> None:
    found = body(get(without_worker, "/live.json", cookies=cookie(without_worker)))["cards"]
    assert {card["name"]: card["state"] for card in found} == {
        "model": "down",
        "database": "ok",
        "storage": "ok",
        "queue": "down",
    }


def test_language_is_chosen(service: Stack) -> None:
    assert '<html lang="en"' in text(get(service, "/login"))
    asked = {"Accept-Language": "ko-KR,ko;q=0.9,en;q=0.5"}
    assert "비밀번호" in text(get(service, "/login", headers=asked))
    chosen = post(service, "/preferences", data={"language": "en", "theme": "dark"})
    page = text(get(service, "/login", headers=asked, cookies=chosen.cookies.get_dict()))
    assert '<html lang="en" data-theme="dark"' in page
    assert not post(service, "/preferences", data={"language": "xx", "theme": "pink"}).cookies


def linked_assets(page: str) -> Iterator[str]:
    yield from re.findall(r'"(/console/static/[^"]+)"', page)


def test_assets_may_be_kept(service: Stack) -> None:
    found = list(linked_assets(text(get(service, "/login"))))
    assert {path.rpartition(".")[2] for path in found} == {"css", "js", "svg"}
    for path in found:
        response = requests.get(service.url + path, timeout=30)
        assert response.status_code == 200 and "max-age=31536000" in response.headers["Cache-Control"]
        old = re.sub(r"static/\w+", "static/0123456789abcdef", path)
        assert "no-cache" in requests.get(service.url + old, timeout=30).headers["Cache-Control"]


def test_assets_are_nothing_else(service: Stack) -> None:
    for path in ("../pages.py", "..%2fpages.py", "%2e%2e/pages.py", "nothing.js"):
        response = requests.get(f"{service.url}/console/static/x/{path}", timeout=30)
        assert response.status_code in {302, 404, 200} and "def render" not in response.text


def test_themes_are_known_to_the_sheet() -> None:
    sheet = (assets.FOLDER / "console.css").read_text()
    assert all(f'[data-theme="{name}"]' in sheet for name in pages.THEMES if name != "auto")
