"""Administrators of the table: made by an owner, with passwords, codes and sessions of their own."""

import json
import time
import uuid
from typing import Any

import pyotp
import pytest
import redis
import requests

from core.access.lockouts import MAX_FAILURES
from core.contract.roles import Role
from tests.contract.admin import COOKIE, account, basic, body, call
from tests.contract.calls import WEB_ALONE, Starter, assert_problem, fields
from tests.stack import Stack

PASSWORD = "staple battery"
ANOTHER = "another staple"


@pytest.fixture(scope="module")
def service(start_service: Starter) -> Stack:
    """A stack behind one proxy, so that each test comes from an address of its own."""
    return start_service(FACE_API_TRUSTED_PROXIES="1", programs=WEB_ALONE)


class Person:
    """An administrator of the table at an address of their own."""

    def __init__(self, service: Stack, role: Role = Role.OPERATOR) -> None:
        number = uuid.uuid4().int
        self.service = service
        self.name = f"person {number % 10**9}"
        self.id = str(account(service, self.name, PASSWORD, role))
        self.headers = {"X-Forwarded-For": f"10.{number % 256}.{number // 256 % 256}.{number // 65536 % 256}"}
        self.secret = ""

    def log_in(self, password: str = PASSWORD, **more: Any) -> requests.Response:
        sent = {"username": self.name, "password": password, **more}
        headers = self.headers | {"User-Agent": "Netscape/4.0"}
        return call(self.service, "POST", "/auth/login", json=sent, headers=headers)

    def cookies(self, **more: Any) -> dict[str, str]:
        response = self.log_in(**more)
        assert response.status_code == 204, response.text
        return {COOKIE: response.cookies[COOKIE]}

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        return call(self.service, method, path, headers=self.headers, **options)

    def basic(self, password: str = PASSWORD) -> requests.Response:
        return self.call("GET", "/account", auth=(self.name, password))

    def codes(self, cookies: dict[str, str]) -> list[str]:
        """Switch codes on; return the recovery codes. The code that confirmed it is used up."""
        begun = body(self.call("POST", "/account/totp", cookies=cookies, json={"current_password": PASSWORD}), 201)
        self.secret = begun["secret"]
        assert self.secret in begun["uri"] and begun["qr_code"].startswith("data:image/svg+xml")
        while True:  # the code of the step before, so that the current one is still to be used, which may end meanwhile
            sent = {"code": pyotp.TOTP(self.secret).at(time.time() - 30)}
            confirmed = self.call("POST", "/account/totp/confirm", cookies=cookies, json=sent)
            if confirmed.status_code != 422:
                return list(body(confirmed)["recovery_codes"])

    def code(self) -> str:
        return pyotp.TOTP(self.secret).now()


@pytest.fixture
def kim(service: Stack) -> Person:
    return Person(service)


# --- what owners do ------------------------------------------------------------------------------


def test_owner_makes_and_changes_administrators(service: Stack) -> None:
    name = f"Lee {uuid.uuid4().hex}"
    made = body(basic(service, "POST", "/admins", json={"name": name, "password": PASSWORD, "role": "viewer"}), 201)
    told = {"name": name, "role": "viewer", "is_enabled": True, "has_totp": False, "last_login_at": None}
    assert told.items() <= made.items() and PASSWORD not in str(made)
    path = f"/admins/{made['id']}"
    assert body(basic(service, "PATCH", path, json={"role": "owner"}))["role"] == "owner"
    assert call(service, "GET", "/api-keys", auth=(name.upper(), PASSWORD)).status_code == 200
    assert body(basic(service, "GET", path))["role"] == "owner"
    assert made["id"] in {one["id"] for one in body(basic(service, "GET", "/admins?per_page=100"))["items"]}
    assert basic(service, "DELETE", path).status_code == 204
    assert_problem(basic(service, "GET", path), 404)
    assert_problem(call(service, "GET", "/account", auth=(name, PASSWORD)), 401)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"name": "Admin"}, "name"),
        ({"name": "a:b"}, "name"),
        ({"password": "short"}, "password"),
        ({"role": "king"}, "role"),
        ({"is_enabled": False}, "is_enabled"),
    ],
)
def test_wrong_members_are_422(service: Stack, sent: dict[str, Any], field: str) -> None:
    right = {"name": uuid.uuid4().hex, "password": PASSWORD, "role": "viewer"}
    assert fields(assert_problem(basic(service, "POST", "/admins", json=right | sent), 422)) == {field}


def test_name_is_taken_whatever_its_case(service: Stack, kim: Person) -> None:
    sent = {"name": kim.name.upper(), "password": PASSWORD, "role": "viewer"}
    assert fields(assert_problem(basic(service, "POST", "/admins", json=sent), 422)) == {"name"}


@pytest.mark.parametrize("change", ["password", "disable", "delete"])
def test_what_an_owner_ends_is_over_at_once(service: Stack, kim: Person, change: str) -> None:
    opened, path = kim.cookies(), f"/admins/{kim.id}"
    assert kim.call("GET", "/account", cookies=opened).status_code == kim.basic().status_code == 200
    if change == "password":
        body(basic(service, "POST", f"{path}/password", json={"password": ANOTHER}))
    elif change == "disable":
        body(basic(service, "PATCH", path, json={"is_enabled": False}))
    else:
        assert basic(service, "DELETE", path).status_code == 204
    assert_problem(kim.call("GET", "/account", cookies=opened), 401)
    assert_problem(kim.basic(), 401)
    if change == "password":
        assert kim.log_in(ANOTHER).status_code == 204
    elif change == "disable":
        body(basic(service, "PATCH", path, json={"is_enabled": True}))
        assert kim.log_in().status_code == 204
        assert_problem(kim.call("GET", "/account", cookies=opened), 401)


def test_each_deed_names_who_did_it(service: Stack) -> None:
    owner, other = Person(service, Role.OWNER), Person(service)
    path = f"/admins/{other.id}"
    owner.call("PATCH", path, auth=(owner.name, PASSWORD), json={"role": "viewer"})
    other.cookies()
    other.log_in("wrong password")
    owner.call("DELETE", path, auth=(owner.name, PASSWORD))
    records = body(basic(service, "GET", "/audit", params={"target": other.id}))["items"]
    assert [(one["deed"], one["actor"], one["outcome"]) for one in records] == [
        ("admin.deleted", owner.name, "ok"),
        ("session.login", None, "unauthenticated"),
        ("session.login", other.name, "ok"),
        ("admin.changed", owner.name, "ok"),
        ("admin.created", None, "ok"),
    ]


def test_failed_log_in_names_an_account_that_exists(service: Stack, kim: Person) -> None:
    """Whoever types the password where the name belongs must not find it in the trail."""
    for username in (kim.name.upper(), "admin", "horse battery"):
        assert_problem(kim.call("POST", "/auth/login", json={"username": username, "password": "wrong"}), 401)
    parameters = {"deed": "session.login", "outcome": "unauthenticated", "per_page": 3}
    found = body(basic(service, "GET", "/audit", params=parameters))["items"][::-1]
    told = [(one["target"], one["detail"]) for one in found]
    assert told == [(kim.id, {"name": kim.name}), (None, {"name": "admin"}), (None, None)]
    assert "horse battery" not in json.dumps(found)


# --- the own account -----------------------------------------------------------------------------


def test_account_tells_who_it_is(service: Stack, kim: Person) -> None:
    found = body(kim.call("GET", "/account", cookies=kim.cookies()))
    assert found == {
        "username": kim.name,
        "role": "operator",
        "is_managed": True,
        "has_totp": False,
        "recovery_codes_left": 0,
    }
    assert body(basic(service, "GET", "/account"))["is_managed"] is False


def test_own_password_ends_the_other_sessions(kim: Person) -> None:
    mine, other = kim.cookies(), kim.cookies()
    sent = {"current_password": PASSWORD, "password": ANOTHER}
    changed = kim.call("POST", "/account/password", cookies=mine, json=sent)
    assert changed.status_code == 204
    assert_problem(kim.call("GET", "/account", cookies=other), 401)
    assert_problem(kim.call("GET", "/account", cookies=mine), 401)
    assert kim.call("GET", "/account", cookies={COOKIE: changed.cookies[COOKIE]}).status_code == 200
    assert_problem(kim.log_in(), 401)
    assert kim.log_in(ANOTHER).status_code == 204


def test_open_page_is_not_enough(kim: Person) -> None:
    mine = kim.cookies()
    for path, more in (("password", {"password": ANOTHER}), ("totp", {}), ("totp/disable", {})):
        sent = {"current_password": "wrong password", **more}
        problem = assert_problem(kim.call("POST", f"/account/{path}", cookies=mine, json=sent), 422)
        assert fields(problem) == {"current_password"}
    for _ in range(MAX_FAILURES):
        refused = kim.call("POST", "/account/totp", cookies=mine, json={"current_password": "wrong password"})
    assert_problem(refused, 429)


def test_settings_administrator_is_managed_elsewhere(service: Stack) -> None:
    sent = {"current_password": service.settings["FACE_API_ADMIN_PASSWORD"], "password": ANOTHER}
    problem = assert_problem(basic(service, "POST", "/account/password", json=sent), 422)
    assert "managed elsewhere" in problem["detail"]
    assert_problem(basic(service, "POST", "/account/totp/confirm", json={"code": "123456"}), 422)


def test_sessions_are_listed_and_ended(kim: Person) -> None:
    mine, other, third = kim.cookies(), kim.cookies(), kim.cookies()
    listed = body(kim.call("GET", "/account/sessions", cookies=mine))["items"]
    assert [one["is_current"] for one in listed].count(True) == 1 and len(listed) == 3
    assert {(one["browser"], one["address"]) for one in listed} == {("Netscape/4.0", kim.headers["X-Forwarded-For"])}
    theirs = body(kim.call("GET", "/account/sessions", cookies=other))["items"]
    (current,) = [one["id"] for one in theirs if one["is_current"]]
    assert kim.call("DELETE", f"/account/sessions/{current}", cookies=mine).status_code == 204
    assert_problem(kim.call("DELETE", f"/account/sessions/{current}", cookies=mine), 404)
    assert_problem(kim.call("GET", "/account", cookies=other), 401)
    assert body(kim.call("POST", "/account/end-other-sessions", cookies=mine)) == {"ended": 1}
    assert_problem(kim.call("GET", "/account", cookies=third), 401)
    assert kim.call("GET", "/account", cookies=mine).status_code == 200


def test_sessions_of_others_are_not_there(service: Stack, kim: Person) -> None:
    lee = Person(service)
    theirs = lee.cookies()
    (listed,) = body(lee.call("GET", "/account/sessions", cookies=theirs))["items"]
    assert_problem(kim.call("DELETE", f"/account/sessions/{listed['id']}", cookies=kim.cookies()), 404)
    body(kim.call("POST", "/account/end-other-sessions", auth=(kim.name, PASSWORD)))
    assert lee.call("GET", "/account", cookies=theirs).status_code == 200


def test_redis_holds_neither_names_nor_passwords(service: Stack, kim: Person) -> None:
    kim.cookies()
    kim.basic()
    client = redis.Redis.from_url(service.redis_url)
    names = [name for name in client.scan_iter("face-api:*") if b"session" in name]
    assert names and not any(kim.name.encode() in name for name in names)
    values = [client.get(name) for name in names if client.type(name) == b"string"]
    assert not any(PASSWORD.encode() in (value or b"") for value in values)


# --- codes ---------------------------------------------------------------------------------------


def test_log_in_asks_for_the_code(kim: Person) -> None:
    kim.codes(kim.cookies())
    assert assert_problem(kim.log_in(), 401)["code"] == "code_required"
    assert assert_problem(kim.log_in("wrong password", code=kim.code()), 401)["code"] == "unauthenticated"
    assert assert_problem(kim.log_in(code="000000x"), 401)["code"] == "unauthenticated"
    code = kim.code()
    assert kim.log_in(code=code).status_code == 204
    assert_problem(kim.log_in(code=code), 401)


def test_recovery_code_lets_in_once(kim: Person) -> None:
    mine = kim.cookies()
    codes = kim.codes(mine)
    assert kim.log_in(code=codes[0]).status_code == 204
    assert_problem(kim.log_in(code=codes[0]), 401)
    assert body(kim.call("GET", "/account", cookies=mine))["recovery_codes_left"] == len(codes) - 1


def test_basic_is_refused_where_codes_are_used(kim: Person) -> None:
    assert kim.basic().status_code == 200
    kim.codes(kim.cookies())
    refused = kim.basic()
    assert assert_problem(refused, 403)["code"] == "basic_refused"
    assert "WWW-Authenticate" not in refused.headers
    assert_problem(kim.basic("wrong password"), 401)


def test_password_makes_up_for_no_wrong_code(kim: Person) -> None:
    kim.codes(kim.cookies())
    statuses = []
    for _ in range(MAX_FAILURES):
        statuses.append(kim.log_in(code="000000x").status_code)
        kim.log_in()
        kim.basic()
    assert statuses == [401] * MAX_FAILURES
    assert_problem(kim.log_in(code=kim.code()), 429)


def test_wrong_codes_count_from_many_places_together(service: Stack, kim: Person) -> None:
    kim.codes(kim.cookies())
    for number in range(MAX_FAILURES):
        kim.headers = {"X-Forwarded-For": f"192.0.2.{number}"}
        assert_problem(kim.log_in(code="000000x"), 401)
    kim.headers = {"X-Forwarded-For": "192.0.2.200"}
    assert_problem(kim.log_in(code=kim.code()), 429)
    assert Person(service).log_in().status_code == 204


@pytest.mark.parametrize("who", ["owner", "self"])
def test_codes_are_switched_off(service: Stack, kim: Person, who: str) -> None:
    mine = kim.cookies()
    kim.codes(mine)
    if who == "owner":
        assert body(basic(service, "POST", f"/admins/{kim.id}/reset-totp"))["has_totp"] is False
    else:
        sent = {"current_password": PASSWORD}
        assert kim.call("POST", "/account/totp/disable", cookies=mine, json=sent).status_code == 204
    assert kim.log_in().status_code == kim.basic().status_code - 200 + 204


# --- the form ------------------------------------------------------------------------------------


def form(kim: Person, **sent: str) -> requests.Response:
    url = f"{kim.service.url}/console/login"
    return requests.post(url, data=sent, headers=kim.headers, allow_redirects=False, timeout=60)


def step_of(page: requests.Response) -> str:
    return page.text.split('name="step" value="')[1].split('"')[0]


def test_form_asks_for_the_code_second(kim: Person) -> None:
    kim.codes(kim.cookies())
    asked = form(kim, username=kim.name, password=PASSWORD)
    assert asked.status_code == 200 and COOKIE not in asked.cookies and PASSWORD not in asked.text
    step = step_of(asked)
    wrong = form(kim, step=step, code="000000x")
    assert wrong.status_code == 401 and step_of(wrong) == step
    entered = form(kim, step=step, code=kim.code(), next="/console/jobs")
    assert (entered.status_code, entered.headers["Location"]) == (303, "/console/jobs")
    assert kim.call("GET", "/account", cookies={COOKIE: entered.cookies[COOKIE]}).status_code == 200
    assert form(kim, step=step, code=kim.code()).status_code == 401


def test_step_ends_with_the_password_that_was_right(service: Stack, kim: Person) -> None:
    kim.codes(kim.cookies())
    step = step_of(form(kim, username=kim.name, password=PASSWORD))
    body(basic(service, "POST", f"/admins/{kim.id}/password", json={"password": ANOTHER}))
    assert form(kim, step=step, code=kim.code()).status_code == 401
    assert form(kim, step="made up", code=kim.code()).status_code == 401
