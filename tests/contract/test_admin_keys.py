"""API keys over HTTP: made, shown, changed, ended, and what that does to those who use them."""

import hashlib
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.contract.admin import AN_ID, basic, body, is_moment
from tests.contract.calls import DETECT, WEB_ALONE, Starter, assert_problem, fields, is_uuid, post
from tests.stack import Stack

KEY = {
    "id", "name", "key_prefix", "key_suffix", "key_preview", "is_active", "request_count", "last_used_at", "created_at",
    "last_used_ip", "scopes", "expires_at", "rate_limits", "allowed_networks", "replaced_by",
}  # fmt: skip
ODD_NAMES = ["", "   ", "x" * 256, 7, None, True, ["a"], "a\nb", "a\0b", "\ud800"]


@pytest.fixture(scope="module")
def keyless(start_service: Starter) -> Stack:
    """A stack that asks for no keys, and whose only key is the one that it began with."""
    return start_service(FACE_API_API_KEY_ENABLED="false", programs=WEB_ALONE)


def made(service: Stack, name: str = "the photo desk") -> dict[str, Any]:
    return body(basic(service, "POST", "/api-keys", json={"name": name}), 201)


def lets_in(service: Stack, text: str) -> int:
    """Status of an empty call with this key: 422 when it lets in."""
    return post(service, DETECT, key=text).status_code


def test_new_key_is_told_once(service: Stack) -> None:
    key = made(service)
    assert set(key) == KEY | {"key"}
    text = key.pop("key")
    assert re.fullmatch(r"xyl_[0-9a-f]{48}", text)
    assert (key["key_prefix"], key["key_suffix"]) == (text[:11], text[-8:])
    assert key["key_preview"] == f"{text[:11]}...{text[-8:]}"
    assert (key["name"], key["is_active"], key["request_count"]) == ("the photo desk", True, 0)
    assert key["last_used_at"] is None and is_moment(key["created_at"]) and is_uuid(key["id"])
    assert body(basic(service, "GET", f"/api-keys/{key['id']}")) == key


def test_new_key_lets_in(service: Stack) -> None:
    assert lets_in(service, made(service)["key"]) == 422


@pytest.mark.usefixtures("embedded_tiers")
def test_database_holds_a_hash_alone(service: Stack) -> None:
    text = made(service)["key"]
    with sqlite3.connect(Path(service.folder, "face-api.sqlite3")) as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()
    assert text not in dump
    assert hashlib.sha256(text.encode()).hexdigest() in dump


def test_name_is_trimmed(service: Stack) -> None:
    assert made(service, "  Büro 写真  ")["name"] == "Büro 写真"


def test_longest_name_is_kept(service: Stack) -> None:
    assert made(service, "x" * 255)["name"] == "x" * 255


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_odd_name_is_422(service: Stack, name: object) -> None:
    path = f"/api-keys/{made(service)['id']}"
    for response in (
        basic(service, "POST", "/api-keys", json={"name": name}),
        basic(service, "PATCH", path, json={"name": name}),
    ):
        assert fields(assert_problem(response, 422)) == {"name"}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"name=x", 400),
        (b"[]", 422),
        (b'"x"', 422),
        (b"null", 422),
        (b'{"name": "x", "is_admin": true}', 422),
        (b'"{\\"name\\": \\"x\\"}"', 422),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_odd_body_is_refused(service: Stack, method: str, sent: bytes, status: int) -> None:
    path = "/api-keys" if method == "POST" else f"/api-keys/{made(service)['id']}"
    headers = {"Content-Type": "application/json"}
    assert_problem(basic(service, method, path, data=sent, headers=headers), status)


def test_key_without_name_is_422(service: Stack) -> None:
    assert fields(assert_problem(basic(service, "POST", "/api-keys", json={}), 422)) == {"name"}


def test_key_is_renamed(service: Stack) -> None:
    key = made(service)
    found = body(basic(service, "PATCH", f"/api-keys/{key['id']}", json={"name": "the archive"}))
    assert found == {name: key[name] for name in KEY} | {"name": "the archive"}


def test_revoked_key_lets_nobody_in(service: Stack) -> None:
    key = made(service)
    path = f"/api-keys/{key['id']}"
    found = body(basic(service, "PATCH", path, json={"is_active": False}))
    assert found == {name: key[name] for name in KEY} | {"is_active": False}
    assert lets_in(service, key["key"]) == 403
    assert body(basic(service, "PATCH", path, json={"is_active": True, "name": "again"}))["is_active"] is True
    assert lets_in(service, key["key"]) == 422


def test_empty_change_changes_nothing(service: Stack) -> None:
    key = made(service)
    found = body(basic(service, "PATCH", f"/api-keys/{key['id']}", json={}))
    assert found == {name: key[name] for name in KEY}


@pytest.mark.parametrize("value", ["false", 0, None, "", []])
def test_odd_activity_is_422(service: Stack, value: object) -> None:
    path = f"/api-keys/{made(service)['id']}"
    assert fields(assert_problem(basic(service, "PATCH", path, json={"is_active": value}), 422)) == {"is_active"}
    assert body(basic(service, "GET", path))["is_active"] is True


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"expires_at": "2020-01-01"}, "expires_at: This moment is over"),
        (
            {"rate_limits": {"mask": "0/minute"}},
            "rate_limits.mask: Write a rate such as 600/minute, of at least one call",
        ),
        ({"scopes": []}, "scopes: Name at least one"),
    ],
)
def test_key_that_could_never_be_used_is_refused(service: Stack, sent: dict[str, Any], told: str) -> None:
    problem = assert_problem(basic(service, "POST", "/api-keys", json={"name": "x", **sent}), 422)
    assert problem["detail"] == told


def test_wrong_scope_is_one_problem(service: Stack) -> None:
    problem = assert_problem(basic(service, "POST", "/api-keys", json={"name": "x", "scopes": ["everything"]}), 422)
    assert fields(problem) == {"scopes.0"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scopes", []),
        ("scopes", ["everything"]),
        ("scopes", "detect"),
        ("scopes", None),
        ("expires_at", "tomorrow"),
        ("expires_at", 7),
        ("expires_at", "2026-13-01"),
        ("expires_at", "9999-12-31T23:59:59-05:00"),
        ("rate_limits", {"detect": "often"}),
        ("rate_limits", {"batch": "1/minute"}),
        ("rate_limits", {"mask": "0/minute"}),
        ("rate_limits", None),
        ("allowed_networks", ["192.0.2.7/24"]),
        ("allowed_networks", ["nowhere"]),
        ("allowed_networks", [7]),
        ("allowed_networks", ["192.0.2.0/24"] * 101),
    ],
    ids=ascii,
)
def test_odd_property_is_422(service: Stack, name: str, value: object) -> None:
    path = f"/api-keys/{made(service)['id']}"
    for response in (
        basic(service, "POST", "/api-keys", json={"name": "x", name: value}),
        basic(service, "PATCH", path, json={name: value}),
    ):
        assert {field.split(".")[0] for field in fields(assert_problem(response, 422))} == {name}


def test_properties_are_kept(service: Stack) -> None:
    sent = {
        "scopes": ["batch", "detect", "batch"],
        "expires_at": "2036-03-04T12:00:00+01:00",
        "rate_limits": {"mask": "7/minute"},
        "allowed_networks": ["192.0.2.7", "2001:DB8::/32"],
    }
    kept = {
        "scopes": ["detect", "batch"],
        "expires_at": "2036-03-04T11:00:00+00:00",
        "rate_limits": {"detect": None, "mask": "7/minute"},
        "allowed_networks": ["192.0.2.7/32", "2001:db8::/32"],
    }
    key = body(basic(service, "POST", "/api-keys", json={"name": "x", **sent}), 201)
    assert {name: key[name] for name in kept} == kept
    other = made(service)
    assert (other["scopes"], other["expires_at"], other["allowed_networks"]) == (["detect", "mask"], None, [])
    changed = body(basic(service, "PATCH", f"/api-keys/{other['id']}", json=sent))
    assert {name: changed[name] for name in kept} == kept
    back = body(basic(service, "PATCH", f"/api-keys/{other['id']}", json={"expires_at": None, "rate_limits": {}}))
    assert (back["expires_at"], back["rate_limits"]) == (None, {"detect": None, "mask": None})
    assert back["scopes"] == kept["scopes"]


@pytest.mark.parametrize("overlap_s", [-1, 1.5, "60", None, 10**9])
def test_odd_overlap_is_422(service: Stack, overlap_s: object) -> None:
    path = f"/api-keys/{made(service)['id']}/rotate"
    assert fields(assert_problem(basic(service, "POST", path, json={"overlap_s": overlap_s}), 422)) == {"overlap_s"}


def test_counters_can_not_be_set(service: Stack) -> None:
    path = f"/api-keys/{made(service)['id']}"
    assert_problem(basic(service, "PATCH", path, json={"request_count": 0}), 422)


def test_deleted_key_is_gone(service: Stack) -> None:
    key = made(service)
    path = f"/api-keys/{key['id']}"
    response = basic(service, "DELETE", path)
    assert (response.status_code, response.content) == (204, b"")
    assert lets_in(service, key["key"]) == 401
    for method in ("GET", "DELETE"):
        assert_problem(basic(service, method, path), 404)
    assert_problem(basic(service, "PATCH", path, json={"name": "x"}), 404)


def test_use_is_counted_soon(service: Stack) -> None:
    key = made(service)
    for _ in range(3):
        assert lets_in(service, key["key"]) != 401
    path = f"/api-keys/{key['id']}"
    service.until(lambda: body(basic(service, "GET", path))["request_count"] == 3)
    assert is_moment(body(basic(service, "GET", path))["last_used_at"])


def test_keys_are_listed_newest_first(service: Stack) -> None:
    expected = [made(service, f"number {number}") for number in range(3)]
    found = body(basic(service, "GET", "/api-keys", params={"per_page": 3}))
    assert set(found) == {"items", "total", "page", "per_page", "pages"}
    assert [set(item) for item in found["items"]] == [KEY] * 3
    assert [item["id"] for item in found["items"]] == [key["id"] for key in reversed(expected)]


def test_key_pages_join_without_seam(keyless: Stack) -> None:
    for number in range(4):
        made(keyless, f"number {number}")
    whole = body(basic(keyless, "GET", "/api-keys"))
    assert (whole["total"], whole["pages"]) == (5, 1)
    pages = [body(basic(keyless, "GET", "/api-keys", params={"page": n, "per_page": 2})) for n in (1, 2, 3, 4)]
    assert [key for page in pages for key in page["items"]] == whole["items"]
    assert {page["pages"] for page in pages} == {3} and pages[3]["items"] == []


@pytest.mark.parametrize(("name", "value"), [("page", "0"), ("per_page", "0"), ("per_page", "101"), ("name", "x")])
def test_odd_key_page_is_422(service: Stack, name: str, value: str) -> None:
    assert fields(assert_problem(basic(service, "GET", "/api-keys", params={name: value}), 422)) == {name}


def test_unknown_key_is_404(service: Stack) -> None:
    assert_problem(basic(service, "PATCH", f"/api-keys/{AN_ID}", json={"name": "x"}), 404)
