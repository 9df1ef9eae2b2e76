"""401 and 403: who may call."""

from typing import Any

import pytest
import requests

from tests.contract import pictures
from tests.contract.calls import (
    DETECT,
    PATHS,
    assert_problem,
    post,
)
from tests.contract.errors.test_sizes import MIB
from tests.stack import Stack

UNKNOWN_KEYS = ["xyl_" + "0" * 48, "xyl_", "xyl_" + "g" * 48, "Bearer", "a" * 4000, "' OR 1=1 --"]


@pytest.mark.parametrize("path", PATHS)
def test_missing_key_is_401(service: Stack, path: str) -> None:
    response = post(service, path, key="", files={"image": pictures.portrait()})
    assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("key", UNKNOWN_KEYS)
def test_unknown_key_is_401(service: Stack, path: str, key: str) -> None:
    response = post(service, path, key=key, files={"image": pictures.portrait()})
    assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("key", [b"", b"\xff\xfe\xfd", "ключ".encode()])
def test_odd_key_bytes_are_401(service: Stack, key: bytes) -> None:
    headers = {"X-API-Key": key}
    response = requests.post(service.url + DETECT, headers=headers, files={"image": pictures.portrait()}, timeout=30)
    assert_problem(response, 401)


def test_altered_key_is_401(service: Stack) -> None:
    last = "0" if service.key[-1] != "0" else "1"
    for key in (service.key[:-1] + last, service.key[:-1], service.key + "0", service.key.upper()):
        assert_problem(post(service, DETECT, key=key, files={"image": pictures.portrait()}), 401)


def test_key_counts_in_its_header_only(service: Stack) -> None:
    for options in (
        {"params": {"api_key": service.key}},
        {"headers": {"Authorization": f"Bearer {service.key}"}},
        {"cookies": {"X-API-Key": service.key}},
        {"data": {"X-API-Key": service.key}},
    ):
        response = post(service, DETECT, key="", files={"image": pictures.portrait()}, **options)
        assert_problem(response, 401)


@pytest.mark.parametrize("path", PATHS)
def test_revoked_key_is_403(service: Stack, path: str) -> None:
    assert_problem(post(service, path, key=service.revoked_key(), files={"image": pictures.portrait()}), 403)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("key", ["", "xyl_" + "0" * 48])
@pytest.mark.parametrize(
    "options",
    [
        {"params": {"confidence": "7"}, "files": {"image": pictures.portrait()}},
        {"params": {"unheard_of": "7"}, "files": {"image": pictures.portrait()}},
        {"data": b"nonsense", "headers": {"Content-Type": "multipart/form-data"}},
        {"files": {"image": pictures.STRANGERS["pdf"]}},
        {},
    ],
    ids=["option", "unknown_option", "multipart", "format", "nothing"],
)
def test_key_is_judged_first(service: Stack, path: str, key: str, options: dict[str, Any]) -> None:
    assert_problem(post(service, path, key=key, **options), 401)


@pytest.mark.parametrize("path", PATHS)
def test_key_is_judged_before_size(service: Stack, path: str) -> None:
    assert_problem(post(service, path, key="", files={"image": bytes(26 * MIB)}), 401)


def test_revoked_key_is_judged_before_options(service: Stack) -> None:
    assert_problem(post(service, DETECT, key=service.revoked_key(), params={"confidence": "7"}), 403)
