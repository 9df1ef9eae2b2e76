"""Logging in at a real OpenID Connect provider, and who is not let in that way."""

import base64
import html
import json
import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from core.contract.roles import Role
from tests import identity_provider
from tests.contract.admin import COOKIE, account, basic, body, call, cookie
from tests.contract.calls import WEB_ALONE, Starter
from tests.identity_provider import CLIENT_ID, IdentityProvider
from tests.stack import Stack
from web.auth.sessions import Session, Sessions

FLOW_COOKIE = "face_api_oidc"
BEGIN, CALLBACK = "/console/login/oidc", "/console/login/oidc/callback"
CROSS_SITE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityProvider]:
    with identity_provider.running(tmp_path_factory.mktemp("provider")) as running:
        yield running


@pytest.fixture(scope="module")
def service(start_service: Starter, provider: IdentityProvider) -> Stack:
    """A stack whose people log in at the provider, and one administrator of the table."""
    made = start_service(programs=WEB_ALONE, **provider.settings())
    account(made, "taken", "staple battery horse")
    return made


class Visitor:
    """A browser, as far as cookies and redirects go: strict cookies stay away from what another site leads to."""

    def __init__(self, service: Stack) -> None:
        self.service = service
        self.cookies: dict[str, str] = {}

    def get(self, url: str, *, from_elsewhere: bool = False) -> requests.Response:
        sent = {name: value for name, value in self.cookies.items() if not from_elsewhere or name == FLOW_COOKIE}
        headers = CROSS_SITE if from_elsewhere else {}
        answer = requests.get(url, cookies=sent, headers=headers, allow_redirects=False, timeout=60)
        for line in answer.raw.headers.getlist("Set-Cookie"):
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        return answer

    def begin(self, target: str = "/console/jobs") -> str:
        """Press the button of the login page; return the provider's address."""
        answer = self.get(f"{self.service.url}{BEGIN}?next={target}")
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def log_in(self, provider: IdentityProvider, name: str, **changed: str) -> requests.Response:
        """Go all the way; return the last page."""
        return self.get(provider.approve(self.begin(), name, **changed), from_elsewhere=True)

    @property
    def session(self) -> dict[str, str]:
        return {COOKIE: self.cookies[COOKIE]}


@pytest.fixture
def visitor(service: Stack) -> Visitor:
    return Visitor(service)


def log_out(service: Stack, visitor: Visitor) -> requests.Response:
    """Press the button of the console."""
    url = f"{service.url}/console/logout"
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": service.url}
    return requests.post(url, cookies=visitor.session, headers=headers, allow_redirects=False, timeout=60)


def records(service: Stack) -> list[dict[str, object]]:
    """What the audit trail tells of log-ins at the provider, newest first."""
    found = body(basic(service, "GET", "/audit", params={"deed": "session.login"}))["items"]
    return [one for one in found if (one["detail"] or {}).get("method") == "oidc"]


def refused(visitor: Visitor, answer: requests.Response, status: int, text: str) -> None:
    """Nobody was let in: the login page says why, and the log-in can't go on."""
    assert answer.status_code == status, answer.text
    assert text in answer.text and 'name="password"' in answer.text
    assert COOKIE not in answer.cookies and answer.headers["Cache-Control"] == "no-store"
    assert visitor.cookies.get(FLOW_COOKIE, "") == ""


# --- who is let in -------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "role"), [("kim", "owner"), ("lee", "operator")])
def test_session_has_name_and_highest_role(
    service: Stack, provider: IdentityProvider, visitor: Visitor, name: str, role: str
) -> None:
    answer = visitor.log_in(provider, name)
    assert answer.status_code == 200, answer.text
    assert 'http-equiv="refresh" content="0; url=/console/jobs"' in answer.text
    shown = body(call(service, "GET", "/auth/session", cookies=visitor.session))
    assert (shown["username"], shown["role"], shown["auth_method"]) == (name, role, "session")
    newest = records(service)[0]
    assert (newest["actor"], newest["outcome"]) == (name, "ok")
    assert newest["detail"] == {"method": "oidc", "role": role, "subject": f"id-of-{name}"}


def test_role_holds(service: Stack, provider: IdentityProvider, visitor: Visitor) -> None:
    visitor.log_in(provider, "lee")
    assert call(service, "GET", "/batches", cookies=visitor.session).status_code == 200
    assert call(service, "GET", "/api-keys", cookies=visitor.session).status_code == 403


def test_sessions_are_listed_and_end(service: Stack, provider: IdentityProvider, visitor: Visitor) -> None:
    other = Visitor(service)
    for one in (visitor, other):
        one.log_in(provider, "kim")
    assert body(call(service, "POST", "/account/end-other-sessions", cookies=visitor.session))["ended"] >= 1
    assert call(service, "GET", "/auth/session", cookies=other.session).status_code == 401
    listed = body(call(service, "GET", "/account/sessions", cookies=visitor.session))["items"]
    assert [one["method"] for one in listed] == ["oidc"]
    assert call(service, "POST", "/auth/logout", cookies=visitor.session).status_code == 204
    assert call(service, "GET", "/auth/session", cookies=visitor.session).status_code == 401


def test_owner_ends_the_sessions_of_others(service: Stack, provider: IdentityProvider, visitor: Visitor) -> None:
    owner, operator = visitor, Visitor(service)
    owner.log_in(provider, "kim")
    operator.log_in(provider, "lee")
    assert call(service, "GET", "/sessions", cookies=operator.session).status_code == 403
    listed = body(call(service, "GET", "/sessions", cookies=owner.session))["items"]
    (mine,) = [one for one in listed if one["is_current"]]
    assert (mine["username"], mine["role"], mine["method"]) == ("kim", "owner", "oidc")
    found = [one for one in listed if one["username"] == "lee"]
    assert {(one["role"], one["method"]) for one in found} == {("operator", "oidc")}
    assert call(service, "DELETE", f"/sessions/{mine['id']}", cookies=operator.session).status_code == 403
    for one in found:
        path = f"/sessions/{one['id']}"
        assert [call(service, "DELETE", path, cookies=owner.session).status_code for _ in range(2)] == [204, 404]
        (record,) = body(basic(service, "GET", "/audit", params={"target": one["id"]}))["items"]
        assert (record["deed"], record["actor"]) == ("session.ended", "kim")
        assert record["detail"] == {"name": "lee", "method": "oidc"}
    assert call(service, "GET", "/auth/session", cookies=operator.session).status_code == 401
    left = body(call(service, "GET", "/sessions", cookies=owner.session))["items"]
    assert mine["id"] in {one["id"] for one in left} and "lee" not in {one["username"] for one in left}


def test_owner_ends_the_sessions_of_passwords(service: Stack) -> None:
    account_id = account(service, "pat", "staple battery horse")
    sent = {"username": "pat", "password": "staple battery horse"}
    opened = call(service, "POST", "/auth/login", json=sent)
    (found,) = [one for one in body(basic(service, "GET", "/sessions"))["items"] if one["username"] == "pat"]
    assert (found["method"], found["role"], found["is_current"]) == ("password", "operator", False)
    assert basic(service, "DELETE", f"/sessions/{found['id']}").status_code == 204
    assert call(service, "GET", "/auth/session", cookies={COOKIE: opened.cookies[COOKIE]}).status_code == 401
    assert call(service, "POST", "/auth/login", json=sent).status_code == 204
    basic(service, "PATCH", f"/admins/{account_id}", json={"is_enabled": False})
    assert "pat" not in {one["username"] for one in body(basic(service, "GET", "/sessions"))["items"]}


def test_logging_out_leads_to_the_providers_log_out(
    service: Stack, provider: IdentityProvider, visitor: Visitor
) -> None:
    visitor.log_in(provider, "kim")
    answer = log_out(service, visitor)
    assert answer.status_code == 200 and answer.headers["Clear-Site-Data"] == '"cache"'
    where = html.unescape(re.findall(r'http-equiv="refresh" content="0; url=([^"]+)"', answer.text)[0])
    asked = {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}
    assert where.startswith(f"{provider.url}/oauth2/end_session?")
    assert (asked["client_id"], asked["post_logout_redirect_uri"]) == (CLIENT_ID, f"{service.url}/console/login")
    told = json.loads(base64.urlsafe_b64decode(asked["id_token_hint"].split(".")[1] + "=="))
    assert (told["sub"], told["aud"]) == ("id-of-kim", [CLIENT_ID])
    assert call(service, "GET", "/auth/session", cookies=visitor.session).status_code == 401
    assert log_out(service, visitor).headers["Location"] == "/console/login"  # it was over


def test_logging_out_after_a_password_stays_here(service: Stack, visitor: Visitor) -> None:
    visitor.cookies |= cookie(service)
    answer = log_out(service, visitor)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/console/login")


def test_page_that_says_that_it_is_done_needs_a_session(
    service: Stack, provider: IdentityProvider, visitor: Visitor
) -> None:
    path = "/console/login/done"
    assert visitor.get(service.url + path).headers["Location"] == "/console/login"
    answer = visitor.get(provider.approve(visitor.begin(path), "kim"), from_elsewhere=True)
    assert f'content="0; url={path}"' in answer.text
    shown = visitor.get(service.url + path)
    assert shown.status_code == 200 and "Close this tab" in shown.text and "refresh" not in shown.text


def test_password_still_opens(service: Stack) -> None:
    assert basic(service, "GET", "/auth/session").status_code == 200


# --- the way there -------------------------------------------------------------------------------


def test_provider_is_asked_by_code_with_pkce(service: Stack, provider: IdentityProvider, visitor: Visitor) -> None:
    asked = {name: values[0] for name, values in parse_qs(urlsplit(visitor.begin()).query).items()}
    assert asked["redirect_uri"] == service.url + CALLBACK
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["client_id"] == identity_provider.CLIENT_ID and "openid" in asked["scope"].split()
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    again = parse_qs(urlsplit(visitor.begin()).query)
    assert all(again[name] != [asked[name]] for name in ("state", "nonce", "code_challenge"))


def test_cookie_of_the_way_is_lax(service: Stack) -> None:
    answer = requests.get(service.url + BEGIN, allow_redirects=False, timeout=30)
    (line,) = answer.raw.headers.getlist("Set-Cookie")
    assert line.startswith(f"{FLOW_COOKIE}=") and "HttpOnly" in line and "SameSite=Lax" in line


def test_session_cookie_stays_strict(provider: IdentityProvider, visitor: Visitor) -> None:
    answer = visitor.log_in(provider, "kim")
    (line,) = [one for one in answer.raw.headers.getlist("Set-Cookie") if one.startswith(f"{COOKIE}=")]
    assert "HttpOnly" in line and "SameSite=Strict" in line


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "/api/v1/stats"])
def test_only_the_console_is_gone_on_to(provider: IdentityProvider, visitor: Visitor, target: str) -> None:
    answer = visitor.get(provider.approve(visitor.begin(target), "kim"), from_elsewhere=True)
    assert 'content="0; url=/console/"' in answer.text and "evil" not in answer.text


def test_each_log_in_has_a_new_session(provider: IdentityProvider, visitor: Visitor) -> None:
    visitor.cookies[COOKIE] = "of-an-attacker"
    visitor.log_in(provider, "kim")
    first = visitor.session
    visitor.log_in(provider, "kim")
    assert first != visitor.session != {COOKIE: "of-an-attacker"}


ELSEWHERE = [
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe", "Sec-Fetch-User": "?1"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
    {"Referer": "https://evil.example/"},
]
CHOSEN = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1"}


def begun(service: Stack, headers: dict[str, str]) -> requests.Response:
    url = f"{service.url}{BEGIN}?next=/console/jobs"
    return requests.get(url, headers=headers, allow_redirects=False, timeout=30)


@pytest.mark.parametrize("site", ["same-origin", "none", "cross-site"])
def test_whoever_chooses_it_begins(service: Stack, provider: IdentityProvider, site: str) -> None:
    answer = begun(service, {"Sec-Fetch-Site": site, **CHOSEN})
    assert answer.headers["Location"].startswith(provider.url) and answer.cookies[FLOW_COOKIE]


def test_pages_of_other_sites_use_no_log_in_up(start_service: Starter, provider: IdentityProvider) -> None:
    service = start_service(programs=WEB_ALONE, FACE_API_RATE_LIMIT_LOGIN="3/hour", **provider.settings())
    for headers in ELSEWHERE * 2:
        answer = begun(service, headers)
        assert answer.headers["Location"].endswith("/console/login?next=/console/jobs"), answer.headers
        assert "Set-Cookie" not in answer.headers
    assert [begun(service, {}).status_code for _ in range(4)] == [303, 303, 303, 429]


# --- who isn't let in ----------------------------------------------------------------------------


def test_no_role_is_403(service: Stack, provider: IdentityProvider, visitor: Visitor) -> None:
    refused(visitor, visitor.log_in(provider, "eve"), 403, "has no role here")
    newest = records(service)[0]
    assert newest["outcome"] == "missing_role"
    assert newest["detail"] == {"method": "oidc", "reason": "no_role", "subject": "id-of-eve"}


@pytest.mark.parametrize("name", ["admin", "taken"])
def test_name_of_a_password_is_403(provider: IdentityProvider, visitor: Visitor, name: str) -> None:
    refused(visitor, visitor.log_in(provider, name), 403, "has your name")


def test_refusal_of_the_provider_is_401(service: Stack, provider: IdentityProvider, visitor: Visitor) -> None:
    begun = visitor.begin()
    # This provider forgets the state when somebody refuses; others have to send it back.
    answer = f"{provider.approve(begun, '')}&state={parse_qs(urlsplit(begun).query)['state'][0]}"
    refused(visitor, visitor.get(answer, from_elsewhere=True), 401, "not confirmed who you are")
    assert records(service)[0]["outcome"] == "unauthenticated"


def test_other_state_is_401(provider: IdentityProvider, visitor: Visitor) -> None:
    refused(visitor, visitor.log_in(provider, "kim", state="made-up"), 401, "Begin again")


def test_other_browser_is_401(service: Stack, provider: IdentityProvider, visitor: Visitor) -> None:
    stolen = provider.approve(visitor.begin(), "kim")
    lured = Visitor(service)
    refused(lured, lured.get(stolen, from_elsewhere=True), 401, "Begin again")
    lured.begin()
    refused(lured, lured.get(stolen, from_elsewhere=True), 401, "Begin again")


def test_other_nonce_is_401(provider: IdentityProvider, visitor: Visitor) -> None:
    refused(visitor, visitor.log_in(provider, "kim", nonce="of-another-log-in"), 401, "not confirmed who you are")


def test_code_of_another_client_is_401(provider: IdentityProvider, visitor: Visitor) -> None:
    refused(visitor, visitor.log_in(provider, "kim", client_id="other"), 401, "not confirmed who you are")


def test_replayed_answer_is_401(service: Stack, provider: IdentityProvider, visitor: Visitor) -> None:
    answer = provider.approve(visitor.begin(), "kim")
    flow = visitor.cookies[FLOW_COOKIE]
    assert visitor.get(answer, from_elsewhere=True).status_code == 200
    again = Visitor(service)
    again.cookies[FLOW_COOKIE] = flow
    refused(again, again.get(answer, from_elsewhere=True), 401, "Begin again")


def test_answer_of_another_issuer_is_401(provider: IdentityProvider, visitor: Visitor) -> None:
    answer = provider.approve(visitor.begin(), "kim") + "&iss=https://other.example"
    refused(visitor, visitor.get(answer, from_elsewhere=True), 401, "not confirmed who you are")


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x", "?code=x&state=x", "?error=access_denied&state=x"])
def test_made_up_answer_is_401_and_not_recorded(service: Stack, visitor: Visitor, query: str) -> None:
    before = records(service)
    refused(visitor, visitor.get(service.url + CALLBACK + query), 401, "Begin again")
    assert records(service) == before


def test_expired_token_is_401(start_service: Starter, tmp_path: Path) -> None:
    with identity_provider.running(tmp_path, token_age_s=-120) as late:
        service = start_service(programs=WEB_ALONE, **late.settings())
        visitor = Visitor(service)
        refused(visitor, visitor.log_in(late, "kim"), 401, "not confirmed who you are")
        reasons = [json.loads(line) for line in service.log("serve").splitlines() if "oidc_login_refused" in line]
        assert "ExpiredTokenError" in reasons[-1]["reason"]


# --- without a provider --------------------------------------------------------------------------


def test_provider_that_is_down_stops_nothing_else(start_service: Starter, tmp_path: Path) -> None:
    with identity_provider.running(tmp_path) as gone:
        service = start_service(programs=WEB_ALONE, **gone.settings())
        visitor = Visitor(service)
        answer = gone.approve(visitor.begin(), "kim")
    refused(visitor, visitor.get(answer, from_elsewhere=True), 503, "reached")
    never = start_service(programs=WEB_ALONE, **gone.settings())
    visitor = Visitor(never)
    refused(visitor, visitor.get(never.url + BEGIN), 503, "reached")
    assert basic(never, "GET", "/auth/session").status_code == 200
    assert requests.get(never.url + "/console/login", timeout=30).status_code == 200


def test_other_issuer_than_the_settings_is_503(start_service: Starter, provider: IdentityProvider) -> None:
    settings = provider.settings() | {"FACE_API_OIDC_ISSUER": f"http://127.0.0.1:{provider.port}/"}
    visitor = Visitor(start_service(programs=WEB_ALONE, **settings))
    refused(visitor, visitor.get(visitor.service.url + BEGIN), 503, "reached")


def test_without_settings_there_is_none(start_service: Starter) -> None:
    service = start_service(programs=WEB_ALONE)
    assert requests.get(service.url + BEGIN, timeout=30).status_code == 404
    assert requests.get(service.url + CALLBACK, timeout=30).status_code == 404
    assert BEGIN not in requests.get(service.url + "/console/login", timeout=30).text


def test_sessions_are_over_once_it_is_switched_off(start_service: Starter) -> None:
    service = start_service(programs=WEB_ALONE)
    assert {status_of(service, "oidc", subject) for subject in ("", " 7", "7", "https://login.example 7")} == {401}
    assert status_of(service, "password", "") == 200


def test_sessions_are_over_once_the_provider_is_another(service: Stack, provider: IdentityProvider) -> None:
    others = ("", "7", "https://login.example 7", f"{provider.url}/ 7", f"{provider.url}7", provider.url)
    assert {status_of(service, "oidc", subject) for subject in others} == {401}
    assert status_of(service, "oidc", f"{provider.url} 7") == status_of(service, "password", "") == 200


def status_of(service: Stack, method: str, subject: str) -> int:
    """What is answered in a session that was opened so."""
    sessions = Sessions(service.own_settings(), service.services.redis)
    token, _ = sessions.open(Session("kim", Role.OWNER, method=method, subject=subject))
    return call(service, "GET", "/auth/session", cookies={COOKIE: token}).status_code
