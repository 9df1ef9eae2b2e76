"""Who can lock the administrator out: neither pages of other sites nor whoever shares an address."""

from typing import Any

import pytest
import requests

from core.contract.roles import Role
from tests.contract.admin import ADMIN, account, basic, call, log_in
from tests.contract.calls import WEB_ALONE, Starter, assert_problem, post
from tests.stack import Stack

FAILURES = 10
UNKNOWN_KEYS = 4
FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Referer": "https://evil.example/page"},
]


@pytest.fixture(scope="module")
def limited(start_service: Starter) -> Stack:
    """A stack behind one proxy, with the limits as they are by default, but few unknown keys."""
    return start_service(
        FACE_API_TRUSTED_PROXIES="1",
        FACE_API_RATE_LIMIT_LOGIN="10/minute",
        FACE_API_RATE_LIMIT_UNKNOWN_KEYS=f"{UNKNOWN_KEYS}/minute",
        programs=WEB_ALONE,
    )


def fail(service: Stack, sender: dict[str, str]) -> None:
    """Block an address."""
    for _ in range(FAILURES):
        call(service, "GET", "/stats", auth=("admin", "wrong"), headers=sender)
    assert basic(service, "GET", "/auth/session", headers=sender).status_code == 429


def browser(service: Stack, sender: dict[str, str]) -> requests.Session:
    """A browser in which the administrator has logged in."""
    client = requests.Session()
    client.headers.update(sender)
    assert enter(client, service).status_code == 204
    return client


def enter(client: requests.Session, service: Stack, password: str | None = None) -> requests.Response:
    sent = {"username": "admin", "password": password or service.settings["FACE_API_ADMIN_PASSWORD"]}
    return client.post(f"{service.url}{ADMIN}/auth/login", json=sent, timeout=30)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_guesses_of_other_sites_count_nothing(limited: Stack, headers: dict[str, str], method: str) -> None:
    sender = {"X-Forwarded-For": f"192.0.2.{FOREIGN.index(headers)}"}
    for _ in range(FAILURES + 1):
        answer = call(limited, method, "/stats", auth=("admin", "wrong"), headers=headers | sender)
        assert answer.status_code == 403
    assert basic(limited, "GET", "/auth/session", headers=sender).status_code == 200


def test_right_password_of_another_site_opens_nothing(limited: Stack) -> None:
    for headers in FOREIGN:
        assert_problem(basic(limited, "GET", "/auth/session", headers=headers), 403)


def test_programs_and_typed_addresses_are_let_in(limited: Stack) -> None:
    for headers in ({}, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": limited.url}):
        assert basic(limited, "GET", "/auth/session", headers=headers).status_code == 200


def test_known_browser_outlives_the_block(limited: Stack) -> None:
    sender = {"X-Forwarded-For": "198.51.100.1"}
    client = browser(limited, sender)
    client.post(f"{limited.url}{ADMIN}/auth/logout", timeout=30)
    fail(limited, sender)
    assert_problem(log_in(limited, headers=sender), 429)
    assert enter(client, limited).status_code == 204
    # It has a count of its own, and a success there frees nobody else.
    assert [enter(client, limited, "wrong password").status_code for _ in range(3)] == [401] * 3
    assert enter(client, limited).status_code == 204
    assert_problem(log_in(limited, headers=sender), 429)


def test_known_browser_has_its_own_rate(limited: Stack) -> None:
    sender = {"X-Forwarded-For": "198.51.100.2"}
    client = browser(limited, sender)
    assert [log_in(limited, headers=sender).status_code for _ in range(10)] == [204] * 9 + [429]
    assert enter(client, limited).status_code == 204


def test_known_browser_is_blocked_too(limited: Stack) -> None:
    client = browser(limited, {"X-Forwarded-For": "198.51.100.3"})
    url, wrong = f"{limited.url}{ADMIN}/auth/session", ("admin", "wrong")
    assert [client.get(url, auth=wrong, timeout=30).status_code for _ in range(FAILURES)] == [401] * FAILURES
    assert_problem(client.get(url, auth=("admin", "correct horse"), timeout=30), 429)
    assert log_in(limited, headers={"X-Forwarded-For": "198.51.100.3"}).status_code == 204


@pytest.mark.parametrize("known", [False, True], ids=["address", "browser"])
def test_own_password_makes_up_for_no_guess_at_anothers(limited: Stack, known: bool) -> None:
    client, name = requests.Session(), f"viewer {known}"
    client.headers.update({"X-Forwarded-For": f"198.51.100.{20 + known}"})
    account(limited, name, "staple battery", Role.VIEWER)
    url, own = f"{limited.url}{ADMIN}/auth/session", (name, "staple battery")
    if known:
        sent = {"username": own[0], "password": own[1]}
        assert client.post(f"{limited.url}{ADMIN}/auth/login", json=sent, timeout=30).status_code == 204
    guesses = []
    for number in range(FAILURES):
        guesses.append(client.get(url, auth=("admin", f"wrong {number}"), timeout=30).status_code)
        client.get(url, auth=own, timeout=30)
    assert guesses == [401] * FAILURES
    assert_problem(client.get(url, auth=("admin", "correct horse"), timeout=30), 429)


def test_made_up_device_is_a_stranger(limited: Stack) -> None:
    sender = {"X-Forwarded-For": "198.51.100.4", "Cookie": "face_api_device=a.9999999999.b"}
    fail(limited, sender)
    assert_problem(log_in(limited, headers={"X-Forwarded-For": "198.51.100.4"}), 429)


def test_port_makes_no_new_caller(limited: Stack) -> None:
    senders = [{"X-Forwarded-For": f"198.51.100.5:{5000 + number}"} for number in range(FAILURES + 2)]
    answers = [call(limited, "GET", "/stats", auth=("admin", "wrong"), headers=one).status_code for one in senders]
    assert answers == [401] * FAILURES + [429] * 2
    assert_problem(call(limited, "GET", "/stats", headers={"X-Forwarded-For": "unknown"}), 400)


# --- unknown API keys ----------------------------------------------------------------------------


def knock(service: Stack, address: str, key: str | None = None) -> requests.Response:
    options: dict[str, Any] = {"headers": {"X-Forwarded-For": address}}
    return post(service, "/api/v1/detect", key=key, **options)


def test_unknown_keys_are_limited(limited: Stack) -> None:
    answers = [knock(limited, "203.0.113.1", f"xyl_{number:048x}") for number in range(UNKNOWN_KEYS + 2)]
    assert [answer.status_code for answer in answers] == [401] * UNKNOWN_KEYS + [429] * 2
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert_problem(answers[-1], 429)


def test_unknown_keys_stop_neither_neighbours_nor_others(limited: Stack) -> None:
    for number in range(UNKNOWN_KEYS + 1):
        knock(limited, "203.0.113.2", f"xyl_{number:048x}")
    assert knock(limited, "203.0.113.2").status_code == 422
    assert knock(limited, "203.0.113.2", "").status_code == 401
    assert knock(limited, "203.0.113.3", "xyl_" + "0" * 48).status_code == 401
