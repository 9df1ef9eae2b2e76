"""400, 404 and 405: what cannot be read, and what is not there."""

from collections.abc import Callable

import pytest
import requests

from tests.contract import pictures
from tests.contract.calls import (
    PATHS,
    assert_problem,
    multipart,
    post,
)
from tests.stack import Stack


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("declared", ["multipart/form-data", "multipart/form-data; boundary="])
def test_missing_boundary_is_400(service: Stack, path: str, declared: str) -> None:
    body, _ = multipart(pictures.portrait())
    assert_problem(post(service, path, data=body, headers={"Content-Type": declared}), 400)


def missing_end(body: bytes) -> bytes:
    """The body without its last boundary."""
    return body[: body.rindex(b"\r\n--frontier--")]


@pytest.mark.parametrize(
    "damage",
    [
        missing_end,
        lambda body: body[: len(body) // 2],
        lambda body: body[:60],
        lambda body: body[20:],
        lambda body: b"\x00" * len(body),
    ],
    ids=["no_end", "half", "headers_cut", "no_beginning", "zeros"],
)
@pytest.mark.parametrize("path", PATHS)
def test_broken_multipart_is_400(service: Stack, path: str, damage: Callable[[bytes], bytes]) -> None:
    body, headers = multipart(pictures.portrait())
    assert_problem(post(service, path, data=damage(body), headers=headers), 400)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("declared", "body"),
    [
        ("application/json", b'{"image": "aGVsbG8="}'),
        ("application/x-www-form-urlencoded", b"image=hello"),
        ("image/jpeg", pictures.portrait()),
        ("text/plain", b"hello"),
    ],
)
def test_other_body_is_refused(service: Stack, path: str, declared: str, body: bytes) -> None:
    assert_problem(post(service, path, data=body, headers={"Content-Type": declared}), (400, 415, 422))


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "path", ["/nope", "/api", "/api/v1/nope", "/api/v2/detect", "/api/v1/detect/x", "/%00", "/%ff"]
)
def test_unknown_route_is_404(service: Stack, method: str, path: str) -> None:
    assert_problem(requests.request(method, service.url + path, timeout=30), 404)


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/api/v1/mask/", "did you mean /api/v1/mask?"),
        ("/mask", "did you mean /api/v1/mask?"),
        ("/api/v1/Detect", "did you mean /api/v1/detect?"),
        ("/api/v1/masks", "did you mean /api/v1/mask?"),
        ("/nope", "/docs shows all that there is"),
        ("/" + "x" * 4000, "/docs shows all that there is"),
    ],
)
def test_unknown_route_is_told_the_near_one(service: Stack, path: str, detail: str) -> None:
    problem = assert_problem(requests.post(service.url + path, timeout=30), 404)
    assert problem["detail"] == f"there is nothing at this address: {detail}"


def test_other_method_is_told_the_right_one(service: Stack) -> None:
    for method, path, taken in (("GET", "/api/v1/mask", "POST"), ("PUT", "/health", "GET")):
        problem = assert_problem(requests.request(method, service.url + path, timeout=30), 405)
        assert problem["detail"] == f"this address takes {taken}"
    problem = assert_problem(requests.put(f"{service.url}/api/v1/admin/batches", timeout=30), 405)
    assert problem["detail"] == "this address takes GET and POST"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", PATHS)
def test_other_method_is_405(service: Stack, method: str, path: str) -> None:
    response = requests.request(method, service.url + path, headers={"X-API-Key": service.key}, timeout=30)
    assert_problem(response, 405)
    assert "POST" in response.headers["Allow"] and method not in response.headers["Allow"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_method_on_health_is_405(service: Stack, method: str) -> None:
    response = requests.request(method, service.url + "/health", timeout=30)
    assert_problem(response, 405)
    assert "GET" in response.headers["Allow"]
