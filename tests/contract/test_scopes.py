"""Who may do what: every route against every kind of caller, as its guard declares it; each key sees only its own."""

import uuid
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from core import config, services
from core.access import keys
from core.access.properties import KeyProperties
from core.contract.roles import Role
from core.contract.scopes import Scope
from core.database.clock import now
from core.database.models import Video
from tests.contract import pictures
from tests.contract.admin import ADMIN, AN_ID, AN_ITEM_ID, account, basic, body, call, kept
from tests.contract.batches import begun, finish, picture
from tests.contract.calls import WEB_ALONE, Starter, assert_problem, post
from tests.stack import Stack
from web.app import create_app
from web.auth import guards
from web.auth.guards import Guard

KEYLESS = ("nobody", "administrator", *Role)
PASSWORD = "staple battery"
REFUSALS = {
    "expired": "key_expired",
    "rotated": "key_expired",
    "revoked": "key_revoked",
    "foreign": "network_not_allowed",
}
CALLERS = (*KEYLESS, *Scope, *REFUSALS, "unknown", "allowed")
PAST_THE_GUARD = {200, 201, 202, 204, 302, 303, 400, 404, 409, 415, 422}
LOGIN = f"{ADMIN}/auth/login"


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    guard: Guard


def declared() -> list[Route]:
    """Every route with its guard, from the app itself."""
    with closing(services.build(config.read(var_dir=Path("nowhere")))) as built:
        app = create_app(built)
    found = []
    for rule in app.url_map.iter_rules():
        guard = guards.of(app, rule.endpoint)
        assert guard is not None
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        found += [Route(method, rule.rule, guard) for method in methods if not rule.rule.startswith("/openapi")]
    return found


ROUTES = declared()


@pytest.fixture(scope="module")
def service(start_service: Starter) -> Stack:
    """A stack whose items nobody works on; a proxy in front says where calls come from."""
    return start_service(FACE_API_TRUSTED_PROXIES="1", FACE_API_WEB_THREADS="16", programs=WEB_ALONE)


def made(service: Stack, *scopes: str, **properties: Any) -> tuple[str, str]:
    """Make a key; return its id and its text."""
    wanted = KeyProperties.model_validate({"scopes": scopes, **properties} if scopes else properties)
    assert service.services.sessions is not None
    with service.services.sessions() as session:
        key, text = keys.create(session, "matrix", wanted)
        return str(key.id), text


@pytest.fixture(scope="module")
def texts(service: Stack) -> dict[str, str]:
    """The text of a key of each kind, which has every scope unless it is one's."""
    every = tuple(Scope)
    for role in Role:
        account(service, f"the {role}", PASSWORD, role)
    rotated, text = made(service, *every)
    body(basic(service, "POST", f"/api-keys/{rotated}/rotate", json={"overlap_s": 0}), 201)
    revoked, revoked_text = made(service, *every)
    body(basic(service, "PATCH", f"/api-keys/{revoked}", json={"is_active": False}))
    ended, ended_text = made(service, *every)
    body(basic(service, "PATCH", f"/api-keys/{ended}", json={"expires_at": now().isoformat()}))
    return {
        **{str(scope): made(service, scope)[1] for scope in Scope},
        "expired": ended_text,
        "rotated": text,
        "revoked": revoked_text,
        "foreign": made(service, *every, allowed_networks=("198.51.100.0/24",))[1],
        "allowed": made(service, *every, allowed_networks=("203.0.113.0/24", "2001:db8::/32"))[1],
        "unknown": "xyl_" + "0" * 48,
    }


def send(service: Stack, route: Route, caller: str, texts: dict[str, str]) -> requests.Response:
    path = route.path.replace("<path:", "<").replace("<item_id>", AN_ITEM_ID)
    while "<" in path:
        path = path[: path.index("<")] + AN_ID + path[path.index(">") + 1 :]
    # Who logs in wrongly too often is blocked, and with it all of its address.
    address = "203.0.113.66" if route.guard.who == "visitor" else "203.0.113.9"
    options: dict[str, Any] = {"headers": {"X-Forwarded-For": address}}
    if caller == "administrator":
        options["auth"] = ("admin", service.settings["FACE_API_ADMIN_PASSWORD"])
    elif caller in set(Role):
        options["auth"] = (f"the {caller}", PASSWORD)
    elif caller != "nobody":
        options["headers"]["X-API-Key"] = texts[caller]
    return requests.request(route.method, service.url + path, timeout=60, allow_redirects=False, **options)


def expected(guard: Guard, caller: str) -> tuple[set[int], str]:
    """Which status a guard's declaration means, and which code; past the guard anything but a refusal."""
    passed = PAST_THE_GUARD, ""
    if guard.who in {"anyone", "visitor"}:
        return PAST_THE_GUARD | {503}, ""  # of /health: there is no worker
    if guard.who == "admin" and caller not in {"administrator", *Role}:
        return {401}, ""
    if guard.who in {"admin", "admin_or_key"} and caller in {"administrator", *Role}:
        role = Role.OWNER if caller == "administrator" else Role(caller)
        assert guard.role is not None
        refused = {403}, "" if guard.page else "missing_role"
        return passed if role.includes(guard.role) else refused
    if caller in {*KEYLESS, "unknown"}:
        return {401}, "unauthenticated"
    if caller in REFUSALS:
        return {403}, REFUSALS[caller]
    enough = {guard.scope, Scope.ADMIN, "allowed"} if guard.who == "admin_or_key" else {guard.scope, "allowed"}
    return passed if caller in enough else ({403}, "missing_scope")


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_route_lets_in_whom_it_declares(service: Stack, texts: dict[str, str], route: Route, caller: str) -> None:
    statuses, code = expected(route.guard, caller)
    response = send(service, route, caller, texts)
    if route.path in (LOGIN, "/console/login") and response.status_code in {401, 403, 429}:
        return  # its own answer to what was sent
    to_login = response.headers.get("Location", "").startswith("/console/login?")
    assert (401 if to_login else response.status_code) in statuses, (response.status_code, response.text[:200])
    if code:
        assert assert_problem(response, statuses)["code"] == code


def test_every_role_opens_something_of_its_own() -> None:
    opened = {route.guard.role for route in ROUTES if route.guard.who in {"admin", "admin_or_key"}}
    assert opened == set(Role)


def test_every_scope_opens_something() -> None:
    opened = {route.guard.scope for route in ROUTES if route.guard.scope}
    assert opened >= {Scope.DETECT, Scope.MASK, Scope.BATCH, Scope.READ, Scope.ADMIN}


def test_no_key_opens_keys_or_sessions() -> None:
    closed = [route for route in ROUTES if "/api-keys" in route.path or "/auth/session" in route.path]
    assert closed and {route.guard.who for route in closed} == {"admin"}


def test_description_says_who_may_call(service: Stack) -> None:
    document = requests.get(f"{service.url}/openapi/openapi.json", timeout=30).json()
    for route in ROUTES:
        path = route.path.replace("<", "{").replace(">", "}")
        operation = document["paths"].get(path, {}).get(route.method.lower())
        if operation is None:
            continue
        names = {name for one in operation.get("security", []) for name in one}
        assert ("apiKey" in names) == (route.guard.scope is not None)
        assert ({"adminBasic", "adminCookie"} <= names) == (route.guard.who in {"admin", "admin_or_key"})
        assert route.guard.scope is None or f"`{route.guard.scope}`" in operation["description"]
        assert route.guard.role is None or f"`{route.guard.role}`" in operation["description"]


# --- each key sees only its own ------------------------------------------------------------------


@pytest.fixture
def others(service: Stack) -> dict[str, str]:
    """The ids of what others have made, by the name that routes have for it."""
    assert service.services.sessions is not None
    batch = begun(service, "a.jpg")
    items = body(basic(service, "GET", f"/batches/{batch['id']}/items"))["items"]
    finish(service, batch, every="completed")
    job = kept(service, detections=[])
    video = Video(id=uuid.uuid4(), filename="a.mp4", source_key="a.mp4", source_is_ours=False, status="queued")
    video.size_bytes, video.options = 9, {}
    with service.services.sessions() as session:
        session.add(video)
        session.commit()
    made_by_others = {"batch_id": batch["id"], "item_id": items[0]["id"], "image_id": job.image_id, "job_id": job.id}
    return {name: str(one) for name, one in (made_by_others | {"video_id": video.id}).items()}


def own(service: Stack, text: str, *names: str) -> dict[str, Any]:
    """Begin a batch by a key."""
    headers = {"X-API-Key": text}
    batch = body(call(service, "POST", "/batches", json={"name": "own"}, headers=headers), 201)
    files = [("images", (name, picture(name))) for name in names]
    if files:
        body(call(service, "POST", f"/batches/{batch['id']}/images", files=files, headers=headers), 202)
    return batch


OWNED = [route for route in ROUTES if route.guard.who == "admin_or_key" and "<" in route.path]


@pytest.mark.parametrize("route", OWNED, ids=lambda route: f"{route.method} {route.path}")
def test_what_others_made_is_not_there(service: Stack, others: dict[str, str], route: Route) -> None:
    _, text = made(service, *(scope for scope in Scope if scope != Scope.ADMIN))
    path = route.path
    for name, one in others.items():
        path = path.replace(f"<{name}>", one)
    if "<" in path:
        pytest.skip("tested beside what it names")
    for sent in ({}, {"json": {"verdict": "accepted"}}, {"files": {"images": pictures.portrait()}}):
        headers = {"X-API-Key": text}
        response = requests.request(route.method, service.url + path, headers=headers, timeout=60, **sent)
        assert assert_problem(response, (403, 404))["code"] in {"not_found", "missing_scope"}
    assert body(basic(service, "GET", f"/batches/{others['batch_id']}/items"))["total"] == 1


@pytest.mark.parametrize("path", ["/batches", "/images", "/jobs"])
def test_lists_show_a_key_its_own(service: Stack, others: dict[str, str], path: str) -> None:
    key_id, text = made(service, "batch", "read")
    headers = {"X-API-Key": text}
    assert body(call(service, "GET", path, headers=headers))["total"] == 0
    batch = own(service, text, "a.jpg", "b.jpg")
    own(service, made(service, "batch")[1], "c.jpg")
    found = body(call(service, "GET", path, headers=headers))
    assert found["total"] == len(found["items"]) == (1 if path == "/batches" else 2)
    everything = body(basic(service, "GET", path))
    assert everything["total"] > found["total"]
    assert others["batch_id"] != batch["id"] and uuid.UUID(key_id)
    if path == "/jobs":
        for order in ("oldest", "most_faces", "shortest_total"):
            listed = body(call(service, "GET", path, headers=headers, params={"order": order}))
            assert listed["total"] == (2 if order == "oldest" else 0)


def test_key_works_through_its_own_batch(service: Stack) -> None:
    _, text = made(service, "batch", "read")
    headers = {"X-API-Key": text}
    batch = own(service, text, "a.jpg", "b.jpg")
    path = f"/batches/{batch['id']}"
    body(call(service, "POST", f"{path}/close", headers=headers))
    finish(service, batch, every="completed")
    items = body(call(service, "GET", f"{path}/items", headers=headers))["items"]
    assert [item["state"] for item in items] == ["completed"] * 2
    assert call(service, "GET", f"{path}/items/{items[0]['id']}/result", headers=headers).status_code == 200
    assert call(service, "GET", f"{path}/results", headers=headers).status_code == 200
    image = body(call(service, "GET", f"/images/{items[0]['image_id']}", headers=headers))
    assert body(call(service, "GET", f"/jobs/{image['jobs'][0]['id']}", headers=headers))["status"] == "completed"


def test_item_of_another_batch_is_not_there(service: Stack, others: dict[str, str]) -> None:
    _, text = made(service, "batch")
    batch = own(service, text, "a.jpg")
    path = f"/batches/{batch['id']}/items/{others['item_id']}/result"
    assert_problem(call(service, "GET", path, headers={"X-API-Key": text}), 404)


def test_rotated_key_goes_on_with_its_batches(service: Stack) -> None:
    key_id, text = made(service, "batch", allowed_networks=("127.0.0.0/8", "::1/128"), rate_limits={"mask": "7/minute"})
    with_key = {"headers": {"X-API-Key": text, "Idempotency-Key": "monday"}}
    batch = body(call(service, "POST", "/batches", json={"name": "own"}, **with_key), 201)
    new = body(basic(service, "POST", f"/api-keys/{key_id}/rotate", json={"overlap_s": 3600}), 201)
    old = body(basic(service, "GET", f"/api-keys/{key_id}"))
    assert (old["replaced_by"], old["is_active"]) == (new["id"], True) and old["expires_at"]
    same = ("name", "scopes", "rate_limits", "allowed_networks")
    assert [new[name] for name in same] == [old[name] for name in same] and new["expires_at"] is None
    assert basic(service, "DELETE", f"/api-keys/{key_id}").status_code == 204
    headers = {"X-API-Key": new["key"]}
    assert body(call(service, "GET", f"/batches/{batch['id']}", headers=headers))["id"] == batch["id"]
    again = call(service, "POST", "/batches", json={"name": "own"}, headers=headers | {"Idempotency-Key": "monday"})
    assert body(again, 201)["id"] == batch["id"]


def test_idempotency_keys_of_others_are_unknown(service: Stack) -> None:
    ids = set()
    for text in (made(service, "batch")[1], made(service, "batch")[1]):
        headers = {"X-API-Key": text, "Idempotency-Key": "tuesday"}
        ids |= {body(call(service, "POST", "/batches", json={"name": "own"}, headers=headers), 201)["id"] for _ in "ab"}
    assert len(ids) == 2


def test_deleted_key_leaves_its_jobs(service: Stack) -> None:
    key_id, text = made(service, "batch")
    batch = own(service, text, "a.jpg")
    assert basic(service, "DELETE", f"/api-keys/{key_id}").status_code == 204
    assert body(basic(service, "GET", f"/batches/{batch['id']}/items"))["total"] == 1
    (item,) = body(basic(service, "GET", f"/batches/{batch['id']}/items"))["items"]
    assert body(basic(service, "GET", f"/jobs/{item['job_id']}"))["api_key_id"] == key_id


def test_ended_key_is_not_rotated(service: Stack, texts: dict[str, str]) -> None:
    key_id, _ = made(service)
    body(basic(service, "POST", f"/api-keys/{key_id}/rotate", json={"overlap_s": 60}), 201)
    again = basic(service, "POST", f"/api-keys/{key_id}/rotate", json={"overlap_s": 60})
    assert assert_problem(again, 409)["code"] == "key_ended"


def test_overlap_never_prolongs(service: Stack) -> None:
    end = now() + timedelta(seconds=90)
    key_id, _ = made(service, expires_at=end)
    new = body(basic(service, "POST", f"/api-keys/{key_id}/rotate", json={"overlap_s": 3600}), 201)
    old = body(basic(service, "GET", f"/api-keys/{key_id}"))
    assert old["expires_at"] == new["expires_at"] == end.isoformat()


def test_new_end_counts_at_once(service: Stack) -> None:
    key_id, text = made(service)
    assert post(service, "/api/v1/detect", key=text).status_code == 422
    ended = {"expires_at": now().isoformat()}
    body(basic(service, "PATCH", f"/api-keys/{key_id}", json=ended))
    assert assert_problem(post(service, "/api/v1/detect", key=text), 403)["code"] == "key_expired"
    body(basic(service, "PATCH", f"/api-keys/{key_id}", json={"expires_at": None}))
    assert post(service, "/api/v1/detect", key=text).status_code == 422


def test_own_limit_overrides_the_settings(service: Stack) -> None:
    _, text = made(service, rate_limits={"detect": "2/minute"})
    assert [post(service, "/api/v1/detect", key=text).status_code for _ in range(3)] == [422, 422, 429]
    assert post(service, "/api/v1/mask", key=text).status_code == 422


def test_last_use_names_its_address(service: Stack) -> None:
    key_id, text = made(service)
    post(service, "/api/v1/detect", key=text, headers={"X-Forwarded-For": "203.0.113.77"})
    path = f"/api-keys/{key_id}"
    service.until(lambda: body(basic(service, "GET", path))["last_used_ip"] == "203.0.113.77")


def test_log_names_the_key(service: Stack) -> None:
    key_id, text = made(service)
    post(service, "/api/v1/detect", key=text)
    lines = [line for line in service.log("serve").splitlines() if key_id in line]
    assert lines and all(text not in line for line in lines)
