"""How the administrator is let in, and who isn't."""

import uuid
from http.cookies import Morsel, SimpleCookie
from typing import Any

import pytest
import redis
import requests

from tests.contract.admin import ADMIN, COOKIE, basic, body, call, cookie, is_moment, log_in
from tests.contract.calls import WEB_ALONE, Starter, assert_problem
from tests.stack import Stack

FAILURES = 10
DEVICE = "face_api_device"


@pytest.fixture(scope="module")
def proxied(start_service: Starter) -> Stack:
    """A stack behind one proxy, so that a test can come from any address."""
    return start_service(FACE_API_TRUSTED_PROXIES="1", programs=WEB_ALONE)


@pytest.fixture(scope="module")
def strict(start_service: Starter) -> Stack:
    """A stack behind one proxy with sessions of two seconds and the login limit as it is by default."""
    return start_service(
        FACE_API_TRUSTED_PROXIES="1",
        FACE_API_SESSION_LIFETIME_S="6",
        FACE_API_RATE_LIMIT_LOGIN="10/minute",
        programs=WEB_ALONE,
    )


@pytest.fixture
def sender() -> dict[str, str]:
    """The headers of an address that nobody has come from."""
    number = uuid.uuid4().int
    return {"X-Forwarded-For": f"10.{number % 256}.{number // 256 % 256}.{number // 65536 % 256}"}


def set_cookies(response: requests.Response) -> dict[str, Morsel[str]]:
    """The cookies that an answer sets, by name."""
    lines = response.raw.headers.getlist("Set-Cookie")
    return {name: morsel for line in lines for name, morsel in SimpleCookie(line).items()}


def fail(service: Stack, count: int, sender: dict[str, str]) -> list[int]:
    """Fail to log in so often, by form and by Basic in turn."""
    answers = [
        log_in(service, "wrong", headers=sender)
        if number % 2
        else call(service, "GET", "/stats", auth=("admin", "wrong"), headers=sender)
        for number in range(count)
    ]
    return [answer.status_code for answer in answers]


# --- the session ---------------------------------------------------------------------------------


def test_login_sets_a_strict_cookie(service: Stack) -> None:
    response = log_in(service)
    assert (response.status_code, response.content) == (204, b"")
    cookies = set_cookies(response)
    assert {name: cookies[name]["max-age"] for name in cookies} == {COOKIE: "43200", DEVICE: str(365 * 86400)}
    for morsel in cookies.values():
        assert len(morsel.value) >= 40 and (morsel["path"], morsel["samesite"]) == ("/", "Strict")
        assert morsel["httponly"] and not morsel["secure"] and not morsel["domain"]
    assert "Strict-Transport-Security" not in response.headers


def test_cookie_is_secure_on_https(proxied: Stack) -> None:
    https = {"X-Forwarded-Proto": "https"}
    response = log_in(proxied, headers=https)
    cookies = set_cookies(response)
    assert set(cookies) == {f"__Host-{COOKIE}", f"__Host-{DEVICE}"}
    assert all(morsel["secure"] and morsel["path"] == "/" and not morsel["domain"] for morsel in cookies.values())
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"
    token = cookies[f"__Host-{COOKIE}"].value
    for name, status in ((f"__Host-{COOKIE}", 200), (COOKIE, 401)):  # a page of a neighbouring host can set the latter
        assert call(proxied, "GET", "/auth/session", cookies={name: token}, headers=https).status_code == status
    left = call(proxied, "POST", "/auth/logout", cookies={f"__Host-{COOKIE}": token}, headers=https)
    assert [(name, morsel["max-age"]) for name, morsel in set_cookies(left).items()] == [(f"__Host-{COOKIE}", "0")]
    assert call(proxied, "GET", "/auth/session", cookies={f"__Host-{COOKIE}": token}, headers=https).status_code == 401


def test_session_tells_who_is_in(service: Stack) -> None:
    reported = body(call(service, "GET", "/auth/session", cookies=cookie(service)))
    expires_at = reported.pop("expires_at")
    assert reported == {"authenticated": True, "username": "admin", "role": "owner", "auth_method": "session"}
    assert is_moment(expires_at)


def test_basic_has_no_session(service: Stack) -> None:
    reported = body(basic(service, "GET", "/auth/session"))
    assert reported.pop("role") == "owner"
    assert reported == {"authenticated": True, "username": "admin", "auth_method": "basic", "expires_at": None}


def test_sessions_differ(service: Stack) -> None:
    assert cookie(service) != cookie(service)


def test_redis_holds_no_cookie(service: Stack) -> None:
    token = cookie(service)[COOKIE].encode()
    client = redis.Redis.from_url(service.redis_url)
    kept = list(client.scan_iter("face-api:session:*"))
    assert kept
    values: list[Any] = client.mget(kept)
    assert all(token not in name and token not in value for name, value in zip(kept, values, strict=True))


def test_logout_ends_the_session(service: Stack) -> None:
    stolen = cookie(service)
    response = call(service, "POST", "/auth/logout", cookies=stolen)
    assert (response.status_code, response.content) == (204, b"")
    (morsel,) = set_cookies(response).values()
    assert (morsel.key, morsel.value, morsel["max-age"]) == (COOKIE, "", "0")
    assert_problem(call(service, "GET", "/auth/session", cookies=stolen), 401)


def test_logout_ends_no_other_session(service: Stack) -> None:
    mine, other = cookie(service), cookie(service)
    call(service, "POST", "/auth/logout", cookies=mine)
    assert call(service, "GET", "/auth/session", cookies=other).status_code == 200


def test_logout_asks_for_nothing(service: Stack) -> None:
    assert call(service, "POST", "/auth/logout").status_code == 204
    assert call(service, "POST", "/auth/logout", cookies={COOKIE: "made up"}).status_code == 204


def test_login_replaces_the_session(service: Stack) -> None:
    before = cookie(service)
    after = cookie(service, cookies=before)
    assert call(service, "GET", "/auth/session", cookies=before).status_code == 401
    assert call(service, "GET", "/auth/session", cookies=after).status_code == 200


def test_session_expires(strict: Stack, sender: dict[str, str]) -> None:
    short = cookie(strict, headers=sender)
    assert call(strict, "GET", "/auth/session", cookies=short).status_code == 200
    strict.until(lambda: call(strict, "GET", "/auth/session", cookies=short).status_code == 401)


# --- who isn't let in ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("username", "password"),
    [("admin", ""), ("admin", "Correct horse"), ("", "correct horse"), ("root", "correct horse"), ("админ", "\ud800x")],
)
def test_wrong_credentials_are_401(proxied: Stack, sender: dict[str, str], username: str, password: str) -> None:
    sent = {"username": username, "password": password}
    response = call(proxied, "POST", "/auth/login", json=sent, headers=sender)
    assert_problem(response, 401)
    assert "Set-Cookie" not in response.headers
    if username.isascii():
        assert_problem(call(proxied, "GET", "/auth/session", auth=(username, password), headers=sender), 401)


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !", "Basic YWRtaW4=", "Basic //79", "Bearer correct horse", "correct horse", ""]
)
def test_odd_authorization_is_401(proxied: Stack, sender: dict[str, str], header: str) -> None:
    assert_problem(call(proxied, "GET", "/auth/session", headers=sender | {"Authorization": header}), 401)


@pytest.mark.parametrize("value", ["", "x", "a" * 4000, "../../session", "%00"])
def test_odd_cookie_is_401(service: Stack, value: str) -> None:
    assert_problem(call(service, "GET", "/auth/session", headers={"Cookie": f"{COOKIE}={value}"}), 401)


def test_api_key_opens_nothing(service: Stack) -> None:
    assert_problem(call(service, "GET", "/auth/session", headers={"X-API-Key": service.key}), 401)


def test_wrong_basic_beats_right_cookie(proxied: Stack, sender: dict[str, str]) -> None:
    session = cookie(proxied, headers=sender)
    response = call(proxied, "GET", "/auth/session", cookies=session, auth=("admin", "wrong"), headers=sender)
    assert_problem(response, 401)


@pytest.mark.parametrize(
    ("headers", "scheme"),
    [
        ({}, "Basic"),
        ({"Sec-Fetch-Mode": "navigate"}, "Basic"),
        ({"Sec-Fetch-Mode": "cors"}, "Session"),
        ({"X-Requested-With": "XMLHttpRequest"}, "Session"),
        ({"Cookie": f"{COOKIE}=ended"}, "Session"),
    ],
)
def test_only_programs_are_asked_for_basic(service: Stack, headers: dict[str, str], scheme: str) -> None:
    response = call(service, "GET", "/auth/session", headers=headers)
    assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"].startswith(f'{scheme} realm="')


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"data": b"{"}, 400),
        ({"data": b""}, 400),
        ({"data": b"\xff"}, 400),
        ({"data": b"[" * 50_000}, 400),
        ({"data": b'{"username": "admin", "password": "' + b"x" * 70_000 + b'"}'}, 413),
        ({"json": [1]}, 422),
        ({"json": '{"username": "admin", "password": "correct horse"}'}, 422),
        ({"json": {}}, 422),
        ({"json": {"username": "admin"}}, 422),
        ({"json": {"username": "admin", "password": 1}}, 422),
        ({"json": {"username": "admin", "password": None}}, 422),
        ({"json": {"username": "admin", "password": "correct horse", "remember": True}}, 422),
        ({"json": {"username": "admin", "password": "correct horse"}, "params": {"next": "/"}}, 422),
        ({"data": b'{"username": "admin", "password": "wrong", "password": "correct horse"}'}, 422),
        ({"data": b'{"username": "admin", "password": NaN}'}, 400),
    ],
)
def test_odd_login_is_refused(service: Stack, options: dict[str, Any], status: int) -> None:
    headers = {"Content-Type": "application/json"}
    assert_problem(call(service, "POST", "/auth/login", headers=headers, **options), status)


def test_login_takes_json_alone(service: Stack) -> None:
    form = {"username": "admin", "password": "correct horse"}
    assert_problem(call(service, "POST", "/auth/login", data=form), 400)


# --- pages of other sites ------------------------------------------------------------------------

FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://[::"},
    {"Referer": "https://evil.example/page"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "{url}"},
]
OWN = [
    {},
    {"Origin": "{url}"},
    {"Referer": "{url}/console/keys"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "{url}"},
    {"Sec-Fetch-Site": "none"},
]


def filled(headers: dict[str, str], service: Stack) -> dict[str, str]:
    return {name: value.replace("{url}", service.url) for name, value in headers.items()}


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_foreign_page_can_change_nothing(service: Stack, headers: dict[str, str]) -> None:
    sent = {"headers": filled(headers, service), "json": {"name": "foreign"}}
    for options in ({"cookies": cookie(service)}, {"auth": ("admin", "correct horse")}):
        assert_problem(call(service, "POST", "/api-keys", **sent, **options), 403)


@pytest.mark.parametrize("headers", OWN, ids=str)
def test_own_page_can_change(service: Stack, headers: dict[str, str]) -> None:
    sent = {"headers": filled(headers, service), "json": {"name": "own"}}
    assert call(service, "POST", "/api-keys", cookies=cookie(service), **sent).status_code == 201


@pytest.mark.parametrize(("method", "path"), [("POST", "/auth/login"), ("POST", "/auth/logout")])
def test_foreign_page_can_not_log_in_or_out(service: Stack, method: str, path: str) -> None:
    session = cookie(service)
    headers = {"Origin": "https://evil.example"}
    sent = {"username": "admin", "password": "correct horse"}
    assert_problem(call(service, method, path, json=sent, headers=headers, cookies=session), 403)
    assert call(service, "GET", "/auth/session", cookies=session).status_code == 200


def test_foreign_page_may_read_nothing(service: Stack) -> None:
    response = basic(service, "GET", "/auth/session", headers={"Origin": "https://evil.example"})
    assert not [name for name in response.headers if name.lower().startswith("access-control")]


# --- too many attempts ---------------------------------------------------------------------------


def test_ten_failures_block_the_address(proxied: Stack, sender: dict[str, str]) -> None:
    assert fail(proxied, FAILURES, sender) == [401] * FAILURES
    for response in (
        log_in(proxied, headers=sender),
        log_in(proxied, "wrong", headers=sender),
        basic(proxied, "GET", "/auth/session", headers=sender),
    ):
        assert_problem(response, 429)
        assert 890 <= int(response.headers["Retry-After"]) <= 900
        assert "Set-Cookie" not in response.headers


def test_other_address_is_not_blocked(proxied: Stack, sender: dict[str, str]) -> None:
    fail(proxied, FAILURES, {"X-Forwarded-For": "192.0.2.1"})
    assert log_in(proxied, headers=sender).status_code == 204


def test_success_begins_a_new_count(proxied: Stack, sender: dict[str, str]) -> None:
    for _ in range(2):
        assert fail(proxied, FAILURES - 1, sender) == [401] * (FAILURES - 1)
        assert log_in(proxied, headers=sender).status_code == 204


def test_open_session_outlives_the_block(proxied: Stack, sender: dict[str, str]) -> None:
    session = cookie(proxied, headers=sender)
    fail(proxied, FAILURES, sender)
    assert call(proxied, "GET", "/auth/session", cookies=session, headers=sender).status_code == 200


def test_block_ends(proxied: Stack, sender: dict[str, str]) -> None:
    fail(proxied, FAILURES, sender)
    client = redis.Redis.from_url(proxied.redis_url)
    (name,) = client.scan_iter(f"*{sender['X-Forwarded-For']}")
    assert client.ttl(name) <= 900
    client.pexpire(name, 1)  # a quarter of an hour later
    proxied.until(lambda: not client.exists(name))
    assert fail(proxied, 1, sender) == [401]
    assert log_in(proxied, headers=sender).status_code == 204


def test_missing_credentials_count_nothing(proxied: Stack, sender: dict[str, str]) -> None:
    answers = {call(proxied, "GET", "/stats", headers=sender).status_code for _ in range(FAILURES + 2)}
    assert answers == {401}
    assert log_in(proxied, headers=sender).status_code == 204


def test_logins_are_limited(strict: Stack, sender: dict[str, str]) -> None:
    answers = [log_in(strict, headers=sender) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [204] * 10 + [429]
    assert answers[0].headers["X-RateLimit-Limit"] == "10"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


# --- without Redis -------------------------------------------------------------------------------


def test_login_is_503_without_redis(without_redis: Stack) -> None:
    response = log_in(without_redis)
    assert assert_problem(response, 503)["code"] == "sessions_unavailable"
    assert "Set-Cookie" not in response.headers
    assert_problem(call(without_redis, "GET", "/auth/session", cookies={COOKIE: "x"}), 503)
    assert_problem(call(without_redis, "POST", "/auth/logout", cookies={COOKIE: "x"}), 503)


def test_basic_works_without_redis(without_redis: Stack) -> None:
    assert basic(without_redis, "GET", "/auth/session").status_code == 200


def test_block_holds_without_redis(without_redis: Stack) -> None:
    wrong = [call(without_redis, "GET", "/stats", auth=("admin", "wrong")).status_code for _ in range(FAILURES + 1)]
    assert wrong == [401] * FAILURES + [429]
    assert_problem(basic(without_redis, "GET", "/auth/session"), 429)


# --- clients -------------------------------------------------------------------------------------


def test_session_of_a_client_lasts(service: Stack) -> None:
    with requests.Session() as client:
        sent = {"username": "admin", "password": "correct horse"}
        assert client.post(f"{service.url}{ADMIN}/auth/login", json=sent, timeout=30).status_code == 204
        made = client.post(f"{service.url}{ADMIN}/api-keys", json={"name": "client"}, timeout=30)
        assert made.status_code == 201
        assert client.delete(f"{service.url}{ADMIN}/api-keys/{made.json()['id']}", timeout=30).status_code == 204
