"""GET /health: what it says, and that it never says ok when something is gone."""

from typing import Any

import pytest
import requests

from tests.contract.calls import is_uuid
from tests.stack import Stack

KEYS = {
    "status",
    "model",
    "precision",
    "runtime",
    "model_loaded",
    "input_size",
    "supports_landmarks",
    "database_enabled",
    "database_ready",
    "storage_enabled",
    "storage_ready",
}


def ask(service: Stack, **headers: str) -> requests.Response:
    """One look at the service's health."""
    return requests.get(service.url + "/health", headers=headers, timeout=30)


@pytest.fixture(scope="module")
def body(service: Stack) -> dict[str, Any]:
    """What a healthy service says."""
    response = ask(service)
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    return answer


def test_health_needs_no_key(service: Stack) -> None:
    assert ask(service).status_code == 200


def test_health_ignores_unknown_key(service: Stack) -> None:
    assert ask(service, **{"X-API-Key": "xyl_" + "0" * 48}).status_code == 200


def test_health_answers_plain_json(service: Stack) -> None:
    assert ask(service).headers["Content-Type"].split(";")[0] == "application/json"


def test_health_has_exact_keys(body: dict[str, Any]) -> None:
    assert set(body) == KEYS


def test_healthy_service_says_ok(body: dict[str, Any]) -> None:
    assert body["status"] == "ok"
    assert body["model_loaded"] is True


def test_health_names_the_model(body: dict[str, Any], service: Stack) -> None:
    assert body["model"] == service.model
    assert body["precision"] in {"fp32", "int8"} and body["runtime"] == "onnxruntime"
    assert body["input_size"] == [640, 640]
    assert all(type(side) is int for side in body["input_size"])
    assert type(body["supports_landmarks"]) is bool


@pytest.mark.parametrize("tier", ["database", "storage"])
def test_tier_is_ready_or_off(body: dict[str, Any], tier: str) -> None:
    assert type(body[f"{tier}_enabled"]) is bool
    assert body[f"{tier}_ready"] is (True if body[f"{tier}_enabled"] else None)


def test_keyed_service_has_a_database(body: dict[str, Any]) -> None:
    assert body["database_enabled"] is True


def test_health_keeps_request_id(service: Stack) -> None:
    text = "0f8fad5b-d9cb-469f-a165-70867728950e"
    assert ask(service, **{"X-Request-Id": text}).headers["X-Request-Id"] == text
    assert is_uuid(ask(service).headers["X-Request-Id"])


@pytest.mark.parametrize("stack", ["without_worker", "without_redis"])
def test_lost_engine_degrades_health(request: pytest.FixtureRequest, stack: str) -> None:
    response = ask(request.getfixturevalue(stack))
    assert response.status_code == 503
    assert response.headers["Content-Type"].split(";")[0] == "application/json"
    answer = response.json()
    assert set(answer) == KEYS
    assert answer["status"] == "degraded"
    assert answer["model_loaded"] is False


@pytest.mark.parametrize("stack", ["without_worker", "without_redis"])
def test_degraded_health_answers_soon(request: pytest.FixtureRequest, stack: str) -> None:
    service: Stack = request.getfixturevalue(stack)
    assert requests.get(service.url + "/health", timeout=15).status_code == 503


# --- for programs that start, stop and balance -----------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_well_service_is_live_and_ready(service: Stack, path: str, method: str) -> None:
    response = requests.request(method, service.url + path, timeout=30)
    assert response.status_code == 200
    assert response.headers["Content-Type"].split(";")[0] == "application/json"
    assert is_uuid(response.headers["X-Request-Id"])
    assert response.content == (b"" if method == "HEAD" else b'{"status":"ok"}')


@pytest.mark.parametrize("stack", ["without_worker", "without_redis"])
def test_lost_engine_is_live_and_not_ready(request: pytest.FixtureRequest, stack: str) -> None:
    service: Stack = request.getfixturevalue(stack)
    ready = requests.get(service.url + "/health/ready", timeout=15)
    assert (ready.status_code, ready.json()) == (503, {"status": "degraded"})
    assert requests.get(service.url + "/health/live", timeout=15).status_code == 200
