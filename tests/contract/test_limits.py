"""How often a client may call: per key, per address, and when Redis is gone."""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.contract import pictures
from tests.contract.calls import DETECT, MASK, PATHS, WEB_ALONE, WEB_AND_WORKER, Starter, assert_problem, mask, post
from tests.stack import Stack

DETECTIONS = 5
MASKS = 3
NAMES = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
RATES = {"FACE_API_RATE_LIMIT_DETECT": f"{DETECTIONS}/minute", "FACE_API_RATE_LIMIT_MASK": f"{MASKS}/minute"}


@pytest.fixture(scope="module")
def limited(start_service: Starter) -> Stack:
    """A stack with low limits behind one proxy; keys are on."""
    own = {"FACE_API_RATE_LIMIT_LOGIN": "1/minute", "FACE_API_TRUSTED_PROXIES": "1"}
    return start_service(**RATES, **own, programs=WEB_ALONE)


@pytest.fixture(scope="module")
def keyless(start_service: Starter) -> Stack:
    """A stack without keys that believes no proxy."""
    return start_service(**RATES, FACE_API_API_KEY_ENABLED="false", programs=WEB_AND_WORKER)


@pytest.fixture(scope="module")
def keyless_proxied(start_service: Starter) -> Stack:
    """A stack without keys behind one proxy."""
    return start_service(**RATES, FACE_API_API_KEY_ENABLED="false", FACE_API_TRUSTED_PROXIES="1", programs=WEB_ALONE)


@pytest.fixture
def key(limited: Stack) -> str:
    """A key that nobody has used."""
    return limited.make_key("fresh")[1]


def knock(service: Stack, path: str = DETECT, **options: Any) -> requests.Response:
    """A call that counts and costs nothing: its form is empty."""
    return post(service, path, **options)


def knocks(service: Stack, count: int, **options: Any) -> list[int]:
    """Statuses of so many calls, one after the other."""
    return [knock(service, **options).status_code for _ in range(count)]


def forwarded(*addresses: str) -> dict[str, str]:
    """The header by which proxies tell whom they speak for."""
    return {"X-Forwarded-For": ", ".join(addresses)}


def seconds_until_reset(response: requests.Response) -> float:
    """How far away the reset is, whether it is told as a moment or as a time from now."""
    reset = int(response.headers["X-RateLimit-Reset"])
    return reset - time.time() if reset > 1_000_000_000 else reset


# --- per key -------------------------------------------------------------------------------------


def test_limit_refuses_what_exceeds(limited: Stack, key: str) -> None:
    assert knocks(limited, DETECTIONS + 2, key=key) == [422] * DETECTIONS + [429] * 2


def test_mask_has_its_own_limit(limited: Stack, key: str) -> None:
    assert knocks(limited, DETECTIONS + 1, key=key)[-1] == 429
    assert knocks(limited, MASKS + 1, key=key, path=MASK) == [422] * MASKS + [429]


def test_each_key_counts_alone(limited: Stack, key: str) -> None:
    other = limited.make_key("other")[1]
    assert knocks(limited, DETECTIONS + 1, key=key)[-1] == 429
    assert knocks(limited, 1, key=other) == [422]


def test_address_never_splits_a_key(limited: Stack, key: str) -> None:
    answers = [knock(limited, key=key, headers=forwarded(f"203.0.113.{n}")) for n in range(DETECTIONS + 1)]
    assert [answer.status_code for answer in answers] == [422] * DETECTIONS + [429]


@pytest.mark.parametrize("path", PATHS)
def test_refusal_says_when_to_return(limited: Stack, key: str, path: str) -> None:
    answers = [knock(limited, path, key=key) for _ in range(DETECTIONS + 1)]
    problem = assert_problem(answers[-1], 429)
    assert problem["code"] == "rate_limited" or "limit" in problem["code"] or "many" in problem["code"]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


def test_limit_is_judged_before_body(limited: Stack, key: str) -> None:
    knocks(limited, DETECTIONS, key=key)
    broken = {"Content-Type": "multipart/form-data"}
    assert_problem(post(limited, DETECT, key=key, data=b"nonsense", headers=broken), 429)
    assert_problem(post(limited, DETECT, key=key, params={"confidence": "7"}), 429)
    assert_problem(post(limited, DETECT, key=key, files={"image": bytes(26 * 1024 * 1024)}), 429)


@pytest.mark.parametrize(
    ("number", "kind", "body"),
    [
        (1, "multipart/form-data; boundary=x", b"no form"),
        (2, "multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="next"\r\n\r\n'),
        (3, "application/x-www-form-urlencoded", b"next=%2Fconsole%2Fjobs&" * 100_000),
        (4, "application/x-www-form-urlencoded", b"next=\xff"),
        (5, "application/json", b"{"),
    ],
)
def test_log_in_over_its_limit_may_have_any_body(limited: Stack, number: int, kind: str, body: bytes) -> None:
    headers = {"Content-Type": kind, **forwarded(f"192.0.2.{number}")}
    answers = [requests.post(f"{limited.url}/console/login", body, headers=headers, timeout=60) for _ in range(2)]
    assert answers[0].status_code < 500
    assert answers[1].status_code == 429
    assert 0 < int(answers[1].headers["Retry-After"]) <= 60


def test_key_is_judged_before_limit(limited: Stack, key: str) -> None:
    knocks(limited, DETECTIONS + 1, key=key)
    assert_problem(knock(limited, key="xyl_" + "0" * 48), 401)
    assert_problem(knock(limited, key=limited.revoked_key()), 403)


def test_unknown_key_uses_up_nothing(limited: Stack, key: str) -> None:
    knocks(limited, DETECTIONS + 3, key="xyl_" + "0" * 48)
    assert knocks(limited, 1, key=key) == [422]


def test_limit_holds_under_haste(limited: Stack, key: str) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: knock(limited, key=key).status_code, range(20)))
    assert sorted(answers) == [422] * DETECTIONS + [429] * (20 - DETECTIONS)


def test_health_is_never_limited(limited: Stack) -> None:
    answers = {requests.get(limited.url + "/health", timeout=30).status_code for _ in range(DETECTIONS * 4)}
    assert answers == {503}, "there is no worker, and that is all"


# --- the headers ---------------------------------------------------------------------------------


def test_remaining_counts_down(limited: Stack, key: str) -> None:
    answers = [knock(limited, key=key) for _ in range(DETECTIONS + 2)]
    assert [int(answer.headers[NAMES[0]]) for answer in answers] == [DETECTIONS] * (DETECTIONS + 2)
    assert [int(answer.headers[NAMES[1]]) for answer in answers] == [*range(DETECTIONS - 1, -1, -1), 0, 0]


def test_reset_lies_within_window(limited: Stack, key: str) -> None:
    for _ in range(DETECTIONS + 1):
        assert -1 <= seconds_until_reset(knock(limited, key=key)) <= 61


def test_reset_agrees_with_retry(limited: Stack, key: str) -> None:
    refused = [knock(limited, key=key) for _ in range(DETECTIONS + 1)][-1]
    assert seconds_until_reset(refused) == pytest.approx(int(refused.headers["Retry-After"]), abs=2)


@pytest.mark.parametrize("path", PATHS)
def test_success_tells_the_limit(service: Stack, path: str) -> None:
    response = post(service, path, files={"image": pictures.portrait()})
    assert response.status_code == 200
    assert all(response.headers[name].isdigit() for name in NAMES)
    assert int(response.headers[NAMES[0]]) == 100_000


@pytest.mark.parametrize(
    "options",
    [{}, {"params": {"confidence": "7"}}, {"files": {"image": pictures.STRANGERS["gif"]}}],
    ids=["empty", "option", "format"],
)
def test_refusal_tells_the_limit(service: Stack, options: dict[str, Any]) -> None:
    response = post(service, DETECT, **options)
    assert response.status_code in (415, 422)
    assert set(NAMES) <= set(response.headers)


# --- per address ---------------------------------------------------------------------------------


def used_up(answers: Iterable[requests.Response]) -> int:
    """How many of these were let through."""
    return sum(answer.status_code != 429 for answer in answers)


def test_keyless_address_is_limited(keyless: Stack) -> None:
    answers = [knock(keyless, key="") for _ in range(DETECTIONS)]
    assert [answer.status_code for answer in answers] == [422] * DETECTIONS
    refused = knock(keyless, key="")
    assert_problem(refused, 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


def test_keyless_limit_ignores_forwarding(keyless: Stack) -> None:
    headers = [forwarded(f"198.51.100.{n}") | {"X-Real-IP": f"198.51.100.{n}"} for n in range(DETECTIONS * 2)]
    assert used_up(knock(keyless, key="", headers=one) for one in headers) <= DETECTIONS


def test_keyless_limit_ignores_keys(keyless: Stack) -> None:
    keys = [f"xyl_{n:048x}" for n in range(DETECTIONS * 2)]
    assert used_up(knock(keyless, key=one) for one in keys) <= DETECTIONS


def test_keyless_service_masks(keyless: Stack) -> None:
    response = mask(keyless, pictures.portrait())
    assert (response.status_code, response.headers["X-Face-Count"]) == (200, "1")


def test_trusted_proxy_splits_addresses(keyless_proxied: Stack) -> None:
    first, second = forwarded("203.0.113.10"), forwarded("203.0.113.11")
    assert knocks(keyless_proxied, DETECTIONS + 1, key="", headers=first) == [422] * DETECTIONS + [429]
    assert knocks(keyless_proxied, 1, key="", headers=second) == [422]


def test_invented_hops_change_nothing(keyless_proxied: Stack) -> None:
    headers = [forwarded(f"192.0.2.{n}", "203.0.113.20") for n in range(DETECTIONS * 2)]
    assert used_up(knock(keyless_proxied, key="", headers=one) for one in headers) == DETECTIONS


# --- without Redis -------------------------------------------------------------------------------


def test_limit_holds_without_redis(without_redis: Stack) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: knock(without_redis, MASK), range(60)))
    assert {answer.status_code for answer in answers} == {422, 429}
    assert used_up(answers) <= 30
    for answer in answers:
        assert_problem(answer, (422, 429))
        assert set(NAMES) <= set(answer.headers)
    assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 429)
