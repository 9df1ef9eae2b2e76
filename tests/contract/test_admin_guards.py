"""That every route is guarded, what the admin API answers where a part is off, and that nothing secret is told."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis

from core import config
from tests.conftest import BuildServices
from tests.contract import pictures
from tests.contract.admin import (
    ADMIN,
    AN_ID,
    AN_ITEM_ID,
    COOKIE,
    DOORS,
    ENDPOINTS,
    account,
    basic,
    body,
    call,
    cookie,
    kept,
    log_in,
)
from tests.contract.calls import WEB_ALONE, Starter, assert_problem, fields
from tests.descriptions import resolved
from tests.stack import Stack
from web.app import FaceApiApp, create_app
from web.auth import guards
from web.openapi.examples import DETECTION

PATHS = [(method, path) for method, path, _ in ENDPOINTS]
UNSENT = {"name": "a.tif", "size_bytes": 9, "code": "upload_too_large"}
BODIES: dict[str, Any] = {
    f"/images/{AN_ID}/mask": {},
    f"/jobs/{AN_ID}/review": {"verdict": "accepted"},
    f"/api-keys/{AN_ID}/rotate": {"overlap_s": 60},
    f"/batches/{AN_ID}/unsent": {"files": [UNSENT]},
    "/admins": {"name": "described", "password": "staple battery", "role": "viewer"},
    f"/admins/{AN_ID}": {"role": "operator"},
    f"/admins/{AN_ID}/password": {"password": "another staple"},
}
# What the administrator of the settings can't do, who has no row and here no session.
OF_ACCOUNTS = {
    *("/account/password", "/account/totp", "/account/totp/confirm", "/account/totp/disable"),
    f"/account/sessions/{AN_ID}",
}
MALFORMED = ["x", "7", AN_ID[:-1], AN_ID + "0", "{" + AN_ID + "}", AN_ID.replace("-", ""), "%00", "%ff", " " + AN_ID]


@pytest.fixture
def app(tmp_path: Path, build_services: BuildServices) -> FaceApiApp:
    return create_app(build_services(config.read(var_dir=tmp_path)))


@pytest.fixture(scope="module")
def without_storage(start_service: Starter) -> Stack:
    """A stack that keeps no pictures."""
    return start_service(FACE_API_STORAGE_ENABLED="false", programs=WEB_ALONE)


@pytest.fixture(scope="module")
def without_database(start_service: Starter) -> Stack:
    """A stack that keeps nothing at all."""
    return start_service(FACE_API_DATABASE_ENABLED="false", FACE_API_API_KEY_ENABLED="false")


@pytest.fixture(scope="module")
def without_password(start_service: Starter) -> Stack:
    """A stack without an administrator."""
    return start_service(FACE_API_ADMIN_PASSWORD="", programs=WEB_ALONE)


# --- every route ---------------------------------------------------------------------------------


def routes(app: FaceApiApp) -> dict[str, guards.Guard | None]:
    """The guards of all routes, by what they are called."""
    return {
        f"{method} {rule.rule}": guards.of(app, rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_route_declares_its_guard(app: FaceApiApp) -> None:
    assert {name for name, guard in routes(app).items() if guard is None} == set()


def test_every_admin_route_asks_for_the_administrator(app: FaceApiApp) -> None:
    asked = {
        name: guard.who for name, guard in routes(app).items() if guard and name.partition(" ")[2].startswith(ADMIN)
    }
    doors = {f"{method} {ADMIN}{path}" for method, path in DOORS}
    assert {name for name, who in asked.items() if who not in {"admin", "admin_or_key"}} == doors
    assert len(asked) == len(ENDPOINTS) + len(DOORS)


def test_route_without_guard_is_closed(app: FaceApiApp) -> None:
    app.add_url_rule("/forgotten", view_func=lambda: "secret", endpoint="forgotten")
    assert app.test_client().get("/forgotten").status_code == 401


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_nobody_is_let_in_unasked(service: Stack, method: str, path: str) -> None:
    response = call(service, method, path)
    assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
    assert_problem(call(service, method, path, cookies={COOKIE: "x"}), 401)
    # That a key has to have the scope is tested in test_scopes.py; this one has not.
    refused = call(service, method, path, cookies={COOKIE: "x"}, headers={"X-API-Key": service.key})
    assert assert_problem(refused, (401, 403))["code"] in {"unauthenticated", "missing_scope"}


@pytest.mark.parametrize(("path", "takes_keys"), [("/batches", True), ("/jobs", True), ("/api-keys", False)])
def test_nobody_is_told_what_is_taken(service: Stack, path: str, takes_keys: bool) -> None:
    detail = assert_problem(call(service, "GET", path), 401)["detail"]
    assert "HTTP Basic" in detail
    assert ("X-API-Key" in detail) is takes_keys


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_cookie_and_basic_open_alike(service: Stack, method: str, path: str) -> None:
    by_cookie = call(service, method, path, cookies=cookie(service))
    assert by_cookie.status_code == basic(service, method, path).status_code != 401


@pytest.mark.parametrize(("method", "path"), [*PATHS, *DOORS])
def test_unknown_parameter_is_422(service: Stack, method: str, path: str) -> None:
    problem = assert_problem(basic(service, method, path, params={"unheard_of": "1"}, json={}), (404, 422))
    if problem["status"] == 422:
        assert "unheard_of" in fields(problem)


@pytest.mark.parametrize(("method", "path"), [("GET", "/stats"), ("POST", "/auth/logout"), ("GET", "/auth/session")])
def test_parameter_is_refused_where_none_is_known(service: Stack, method: str, path: str) -> None:
    assert fields(assert_problem(basic(service, method, path, params={"page": "1"}), 422)) == {"page"}


@pytest.mark.parametrize("path", sorted({path for _, path, _ in ENDPOINTS} | {path for _, path in DOORS}))
def test_other_method_is_405(service: Stack, path: str) -> None:
    known = {method for method, *rest in [*ENDPOINTS, *DOORS] if rest[0] == path}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - known:
        response = basic(service, method, path)
        assert_problem(response, 405)
        assert set(response.headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"} == known


@pytest.mark.parametrize("reported", MALFORMED)
@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path in PATHS if AN_ID in path])
def test_malformed_id_is_404(service: Stack, method: str, path: str, reported: str) -> None:
    sent = {"json": {"name": "x"}} if method == "PATCH" else {}
    sent = {"json": BODIES[path]} if path in BODIES else sent
    assert_problem(basic(service, method, path.replace(AN_ID, reported), **sent), 404)


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path in PATHS if AN_ID in path])
def test_unknown_id_is_404(service: Stack, method: str, path: str) -> None:
    sent: dict[str, Any] = {"json": {"name": "x"}} if method == "PATCH" else {}
    sent = {"files": {"images": pictures.portrait()}} if path.endswith(f"{AN_ID}/images") else sent
    sent = {"json": BODIES[path]} if path in BODIES else sent
    problem = assert_problem(basic(service, method, path.replace(AN_ID, str(uuid.uuid4())), **sent), 404)
    assert problem["code"] == "not_found"


# --- where a part is off -------------------------------------------------------------------------


def statuses(service: Stack) -> dict[str, int]:
    return {f"{method} {path}": basic(service, method, path, json={}).status_code for method, path in PATHS}


def off(*tiers: str) -> set[str]:
    return {f"{method} {path}" for method, path, tier in ENDPOINTS if tier in tiers}


def test_storage_off_is_501_where_it_is_needed(without_storage: Stack) -> None:
    assert {name for name, status in statuses(without_storage).items() if status == 501} == off("storage")


def test_database_off_is_501_where_it_is_needed(without_database: Stack) -> None:
    assert {name for name, status in statuses(without_database).items() if status == 501} == off("storage", "database")


def test_keeping_without_database_is_warned_of(without_database: Stack, without_storage: Stack) -> None:
    warning = "FACE_API_STORAGE_ENABLED is on, but FACE_API_DATABASE_ENABLED is off"
    assert warning in without_database.log("serve")
    assert warning not in without_storage.log("serve")


def test_nothing_off_is_never_501(service: Stack) -> None:
    assert 501 not in statuses(service).values()


def test_tier_off_has_the_one_shape(without_storage: Stack) -> None:
    assert assert_problem(basic(without_storage, "GET", "/images"), 501)["code"] == "tier_off"


def test_tier_is_judged_after_the_administrator(without_storage: Stack) -> None:
    assert_problem(call(without_storage, "GET", "/images"), 401)


def test_mask_works_with_everything_off(without_database: Stack) -> None:
    found = body(basic(without_database, "POST", "/test/mask", files={"image": pictures.portrait()}))
    assert (found["image_id"], found["job_id"], found["masking"]["regions_masked"]) == (None, None, 1)


def test_session_works_with_everything_off(without_database: Stack) -> None:
    assert call(without_database, "GET", "/auth/session", cookies=cookie(without_database)).status_code == 200


def test_keys_work_without_storage(without_storage: Stack) -> None:
    assert body(basic(without_storage, "GET", "/api-keys"))["total"] == 1


@pytest.mark.parametrize(("method", "path"), [*PATHS, *DOORS])
def test_missing_password_is_503(without_password: Stack, method: str, path: str) -> None:
    sent = {"json": {"username": "admin", "password": ""}} if method == "POST" else {}
    for options in ({}, {"auth": ("admin", "")}, {"cookies": {COOKIE: "x"}}):
        problem = assert_problem(call(without_password, method, path, **options, **sent), 503)
        assert problem["code"] == "no_admin_password" and "FACE_API_ADMIN_PASSWORD" in problem["detail"]


# --- the description -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document(service: Stack) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{service.url}/openapi/openapi.json", timeout=30).json()
    return found


def template(path: str) -> str:
    """The path as the description writes it."""
    kinds = {"images": "image_id", "jobs": "job_id", "api-keys": "key_id", "batches": "batch_id"}
    kinds |= {"admins": "admin_id", "account": "session_id", "sessions": "session_id"}
    kind = kinds.get(path.split("/")[1], "")
    part = "{delivery_id}" if "/deliveries/" in path else "{item_id}"
    return ADMIN + path.replace(AN_ID, "{" + kind + "}").replace(AN_ITEM_ID, part)


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_endpoint_is_described_with_its_errors(document: dict[str, Any], method: str, path: str) -> None:
    operation = document["paths"][template(path)][method.lower()]
    tier = next(tier for *called, tier in ENDPOINTS if called == [method, path])
    expected = (
        {"401", "422", "429", "500", "503"} | ({"501"} if tier else set()) | ({"404"} if AN_ID in path else set())
    )
    expected |= {"403"} if method != "GET" else set()
    assert expected <= set(operation["responses"])
    assert operation["summary"] and operation["description"]
    schemes = document["components"]["securitySchemes"]
    found = [schemes[name] for one in operation["security"] for name in one]
    assert [(scheme["type"], scheme.get("name", scheme.get("scheme"))) for scheme in found] in (
        [("apiKey", COOKIE), ("http", "basic")],
        [("apiKey", COOKIE), ("http", "basic"), ("apiKey", "X-API-Key")],
    )


def test_every_success_has_an_example(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values() if path.startswith(ADMIN) else ():
            answer = resolved(document, operation["responses"].get("200", operation["responses"].get("201")))
            json_body = answer and answer.get("content", {}).get("application/json")
            assert not json_body or json_body["example"]


def test_answers_keep_the_description(document: dict[str, Any], service: Stack) -> None:
    described = schemathesis.openapi.from_dict(document)
    job = kept(service, detections=[DETECTION], review_state="pending")
    key = body(basic(service, "POST", "/api-keys", json={"name": "described"}), 201)
    batch = body(basic(service, "POST", "/batches", json={"name": "described"}), 201)
    ids = {"images": str(job.image_id), "jobs": str(job.id), "api-keys": key["id"], "batches": batch["id"]}
    ids["admins"] = str(account(service, "to be described", "staple battery"))
    account(service, "to be logged out", "staple battery")
    call(service, "POST", "/auth/login", json={"username": "to be logged out", "password": "staple battery"})
    opened = body(basic(service, "GET", "/sessions"))["items"]
    (ids["sessions"],) = [one["id"] for one in opened if one["username"] == "to be logged out"]
    for method, path in sorted(PATHS, key=lambda called: called[0] == "DELETE"):
        if path in OF_ACCOUNTS:  # tests/contract/test_admins.py has such
            continue
        if AN_ITEM_ID in path:  # an item has no result yet; tests/contract/test_admin_batch_results.py has some that do
            continue
        sent: dict[str, Any] = {"files": {"image": pictures.portrait()}} if "mask" in path else {}
        sent = {"files": {"images": pictures.portrait()}} if path.endswith(f"{AN_ID}/images") else sent
        named = path == "/batches" or (path.startswith("/api-keys") and path not in BODIES)
        sent = {"json": {"name": "described"}} if named and method[0] == "P" else sent
        sent = {"json": BODIES[path]} if path in BODIES else sent
        real = path.replace(AN_ID, ids.get(path.split("/")[1], ""))
        response = basic(service, method, real, **sent)
        described[template(path)][method].validate_response(response)
        assert response.status_code < 400, (method, path)
        if path == f"/images/{AN_ID}/mask":
            ids["jobs"] = response.json()["id"]  # which can be undone
        described[template(path)][method].validate_response(call(service, method, real))
    described[f"{ADMIN}/auth/login"]["POST"].validate_response(log_in(service))


# --- secrets -------------------------------------------------------------------------------------


def test_logs_tell_no_secret(service: Stack) -> None:
    job = kept(service, filename="holiday with grandmother.jpg")
    session = cookie(service)[COOKIE]
    text = body(basic(service, "POST", "/api-keys", json={"name": "nobody's business"}), 201)["key"]
    link = body(basic(service, "GET", f"/images/{job.image_id}"))["original_url"]
    log_in(service, "almost correct", headers={"X-Request-Id": str(uuid.uuid4())})
    log_in(service)
    for answer in (
        requests.get(link, timeout=30),
        basic(service, "GET", f"/images/{job.image_id}/download"),
        call(service, "POST", "/auth/logout", cookies={COOKIE: session}),
        basic(service, "DELETE", f"/images/{job.image_id}"),
    ):
        assert answer.status_code < 400
    logs = "".join(service.log(name) for name in ("serve", "worker", "beat"))
    signature = link.rpartition("signature=")[2]
    secrets = [
        session,
        text,
        signature,
        "correct horse",
        "almost correct",
        "grandmother",
        "nobody's business",
        "YWRtaW46",
    ]
    assert json.loads(logs.strip().splitlines()[-1])
    assert [secret for secret in secrets if secret in logs] == []
