"""Secrets: a key, a password, a cookie or a file's name is in no log line, and none but the name is in any table."""

from pathlib import Path
from typing import Any

import pytest
import requests
import skimage.data
from PIL import Image
from sqlalchemy import MetaData, select

from core.config import Settings
from core.database import engine
from tests.conftest import StartService
from tests.stack import Stack

NAME = "my-secret-holiday.png"
PASSWORD = "hunter2-and-more"
WRONG_PASSWORD = "hunter3-and-less"
WRONG_KEY = "xyl_" + "0123456789ab" * 4
PROGRAMS = ("serve", "worker", "beat")


@pytest.fixture(scope="module")
def used(start_service: StartService) -> tuple[Stack, list[str]]:
    """Return a service, started as an operator starts it, that has been used in every way; and its secrets."""
    own = {"FACE_API_ADMIN_PASSWORD": PASSWORD, "FACE_API_LOG_LEVEL": "debug", "FACE_API_PRECISION": "auto"}
    service = start_service(by_command=True, **own)
    path = service.folder / NAME
    Image.fromarray(skimage.data.astronaut()).save(path)
    cookie, made = administer(service)
    links = []
    for key in (service.key, made, WRONG_KEY):
        for call in ("detect", "mask"):
            links += send(service, path, call, key)
    for link in links:
        requests.get(link, timeout=30)
    service.until(lambda: service.log("serve").count('"event": "request_finished"') >= 12 + len(links))
    secrets = [service.key, made, WRONG_KEY, PASSWORD, WRONG_PASSWORD, cookie]
    secrets += [key for key in (service.own_settings().s3_secret_key.get_secret_value(),) if key]
    return service, secrets


def administer(service: Stack) -> tuple[str, str]:
    """Log in with the right password and a wrong one, make a key; return the cookie and the key."""
    admin, url = requests.Session(), f"{service.url}/api/v1/admin"
    for password in (WRONG_PASSWORD, PASSWORD):
        admin.post(f"{url}/auth/login", json={"username": "admin", "password": password}, timeout=30)
        requests.get(f"{url}/stats", auth=("admin", password), timeout=30)
    key = admin.post(f"{url}/api-keys", json={"name": "a camera"}, timeout=30).json()["key"]
    return admin.cookies["face_api_session"], key


def send(service: Stack, path: Path, call: str, key: str) -> list[str]:
    """Send a picture; return the links to what was kept of it."""
    with path.open("rb") as picture:
        url = f"{service.url}/api/v1/{call}"
        answer = requests.post(url, files={"image": picture}, headers={"X-API-Key": key}, timeout=30)
    if not answer.ok:
        return []
    image_id = answer.headers.get("X-Image-Id") or answer.json()["image_id"]
    shown = f"{service.url}/api/v1/admin/images/{image_id}"
    return [requests.get(shown, auth=("admin", PASSWORD), timeout=30).json()["original_url"]]


def dump(settings: Settings) -> str:
    """Write every row of every table as text."""
    bind, tables = engine.create(settings), MetaData()
    tables.reflect(bind)
    with bind.connect() as connection:
        rows: list[Any] = [row for table in tables.sorted_tables for row in connection.execute(select(table))]
    bind.dispose()
    return "\n".join(map(repr, rows))


def test_secrets_stay_out_of_logs(used: tuple[Stack, list[str]]) -> None:
    service, secrets = used
    logs = "".join(service.log(name) for name in PROGRAMS)
    assert '"route": "/api/v1/mask"' in logs
    assert [secret for secret in secrets if secret in logs] == []
    assert "holiday" not in logs
    assert "signature=" not in logs.lower()


def test_secrets_stay_out_of_tables(used: tuple[Stack, list[str]]) -> None:
    service, secrets = used
    dumped = dump(service.own_settings())
    assert NAME in dumped, "the dump shows what is in the tables"
    assert [secret for secret in secrets if secret in dumped] == []
