"""Secrets: a key, a password or a file's name is in no log line, and keys and passwords are in no table."""

import sqlite3

import pytest
import requests
import skimage.data
from PIL import Image

from tests.conftest import StartService

NAME = "my-secret-holiday.png"


@pytest.mark.usefixtures("embedded_tiers")
def test_secrets_stay_out_of_logs_and_tables(start_service: StartService) -> None:
    password = "hunter2-and-more"
    service = start_service(FACE_API_ADMIN_PASSWORD=password, FACE_API_LOG_LEVEL="debug")
    path = service.folder / NAME
    Image.fromarray(skimage.data.astronaut()).save(path)
    wrong_key = "xyl_" + "0123456789ab" * 4
    for key in (service.key, wrong_key):
        for call in ("detect", "mask"):
            with path.open("rb") as picture:
                url = f"{service.url}/api/v1/{call}"
                requests.post(url, files={"image": picture}, headers={"X-API-Key": key}, timeout=30)
    login = {"username": "admin", "password": password}
    requests.post(f"{service.url}/api/v1/admin/auth/login", json=login, timeout=30)
    service.until(lambda: service.log("serve").count('"event": "request"') >= 4)
    logs = "".join(service.log(name) for name in ("serve", "worker", "beat"))
    with sqlite3.connect(service.own_settings().var_dir / "face-api.sqlite3") as database:
        dump = "\n".join(database.iterdump())
    database.close()
    for secret in (service.key, wrong_key, password):
        assert secret not in logs
        assert secret not in dump
    assert "holiday" not in logs
