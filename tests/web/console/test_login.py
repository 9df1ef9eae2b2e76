"""The login page, and pages of features that are off: an app without a worker, a Valkey of the tests' own."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core import config
from tests import databases
from tests.conftest import BuildServices
from web.app import create_app
from web.auth.sessions import NAMESPACE

AN_ID = uuid.UUID(int=7)
RIGHT = "correct horse"
OFF = {"database_enabled": False, "api_key_enabled": False}
MakeClient = Callable[..., FlaskClient]


@pytest.fixture
def make_client(valkey: str, tmp_path: Path, build_services: BuildServices) -> MakeClient:
    """Make the client of an app with these settings; each has an address of its own, which limits count by."""
    numbers = iter(range(1, 100))

    def make(**values: object) -> FlaskClient:
        given = {"var_dir": tmp_path, "redis_url": valkey, "admin_password": RIGHT}
        settings = config.read(**given | {"rate_limit_login": "1000/minute"} | values)
        if settings.database_enabled:
            databases.migrate(settings)
        client = create_app(build_services(settings)).test_client()
        address = f"10.{uuid.uuid4().int % 250}.{uuid.uuid4().int % 250}.{next(numbers)}"
        client.environ_base["REMOTE_ADDR"] = address
        return client

    return make


def log_in(client: FlaskClient, password: str = RIGHT) -> TestResponse:
    return client.post("/console/login", data={"username": "admin", "password": password, "next": "/console/test"})


def test_lockout_shows_the_minutes(make_client: MakeClient) -> None:
    client = make_client(**OFF)
    assert [log_in(client, "wrong").status_code for _ in range(10)] == [401] * 10
    response = log_in(client)
    assert response.status_code == 429 and "Try again in 15 minutes." in response.text
    assert 890 <= int(response.headers["Retry-After"]) <= 900
    assert 'value="/console/test"' in response.text


def test_login_rate_limit_is_shown(make_client: MakeClient) -> None:
    client = make_client(**OFF, rate_limit_login="2/minute")
    assert [log_in(client, "wrong").status_code for _ in range(2)] == [401, 401]
    response = log_in(client)
    assert response.status_code == 429 and "Try again in a minute." in response.text
    assert 0 < int(response.headers["Retry-After"]) <= 60


def test_missing_admin_password_is_shown(make_client: MakeClient) -> None:
    client = make_client(**OFF, admin_password="")
    for response in (client.get("/console/"), client.get("/console/login"), log_in(client, "")):
        assert response.status_code == 503 and "FACE_API_ADMIN_PASSWORD" in response.text


def test_unavailable_sessions_are_shown(make_client: MakeClient) -> None:
    client = make_client(**OFF, redis_url="redis://127.0.0.1:1/0")
    response = log_in(client)
    assert response.status_code == 503 and "is Redis running?" in response.text


def test_session_expires(make_client: MakeClient, valkey: str) -> None:
    client = make_client(**OFF, session_lifetime_s=60)
    with redis.Redis.from_url(valkey) as store:
        before = set(store.scan_iter(f"{NAMESPACE}*"))
        assert log_in(client).status_code == 303
        (session,) = set(store.scan_iter(f"{NAMESPACE}*")) - before
        cookie = client.get_cookie("face_api_session")
        assert cookie is not None and client.get("/console/test").status_code == 200
        assert 0 < int(str(store.ttl(session))) <= 60
        store.expire(session, 0)  # the minute is over
    # The browser drops the cookie by itself; a copy of it is invalid.
    client.set_cookie("face_api_session", cookie.value)
    response = client.get("/console/test")
    assert response.status_code == 302 and response.location.startswith("/console/login?next=")


@pytest.mark.parametrize("path", ["", "images", "jobs", "batches", "batches/new", "review", "keys", f"images/{AN_ID}"])
def test_disabled_feature_shows_its_settings(make_client: MakeClient, path: str) -> None:
    client = make_client(**OFF)
    log_in(client)
    response = client.get(f"/console/{path}")
    assert response.status_code == 200
    assert "FACE_API_DATABASE_ENABLED=true" in response.text and "Request ID" not in response.text


def test_keys_work_without_storage(make_client: MakeClient) -> None:
    client = make_client(storage_enabled=False)
    log_in(client)
    assert "No keys yet" in client.get("/console/keys").text
    assert "FACE_API_STORAGE_ENABLED=true" in client.get("/console/jobs").text


@pytest.mark.parametrize("path", ["", "images", "jobs", "batches", "review", "keys"])
def test_empty_lists_show_an_empty_state(make_client: MakeClient, path: str) -> None:
    client = make_client()
    log_in(client)
    page = client.get(f"/console/{path}")
    assert page.status_code == 200 and 'class="empty"' in page.text


def test_mask_test_works_with_everything_off(make_client: MakeClient) -> None:
    client = make_client(**OFF)
    log_in(client)
    page = client.get("/console/test").text
    assert all(f'name="{name}"' in page for name in ("method", "strength", "confidence", "max_faces"))


def test_unavailable_database_is_shown(make_client: MakeClient, tmp_path: Path) -> None:
    client = make_client()
    log_in(client)
    (tmp_path / "face-api.sqlite3").write_bytes(b"this is no database" * 100)
    response = client.get("/console/jobs")
    assert response.status_code == 503 and "The database is unavailable" in response.text
    assert response.headers["X-Request-Id"] in response.text and "sqlite" not in response.text.lower()
