"""Cookies of browsers in which the administrator has logged in."""

import time

import pytest

from core import config
from web.auth import devices
from web.auth.devices import Devices


def known_by(password: str = "correct horse", user: str = "admin") -> Devices:  # noqa: S107  # a test's
    return Devices(config.read(admin_password=password, admin_user=user))


def test_device_is_known_to_every_process() -> None:
    cookie = known_by().issue(None)
    assert known_by().read(cookie) and known_by().read(cookie) == known_by().read(cookie)


def test_devices_differ() -> None:
    assert known_by().read(known_by().issue(None)) != known_by().read(known_by().issue(None))


def test_device_stays_the_same() -> None:
    cookie = known_by().issue(None)
    assert known_by().read(known_by().issue(cookie)) == known_by().read(cookie)
    assert known_by().read(known_by().issue("made.1.up")) not in {"made", None}


def test_another_password_forgets_devices() -> None:
    cookie = known_by().issue(None)
    assert known_by("another horse").read(cookie) is None
    assert known_by(user="root").read(cookie) is None


@pytest.mark.parametrize("cookie", ["", ".", "..", "a.9999999999.", "a.9999999999.00", "é.\udcff.x", "a" * 5000])
def test_made_up_cookie_is_unknown(cookie: str) -> None:
    assert known_by().read(cookie) is None


def test_altered_cookie_is_unknown() -> None:
    nonce, expiry, signature = known_by().issue(None).split(".")
    assert known_by().read(f"{nonce}.{int(expiry) + 1}.{signature}") is None
    assert known_by().read(f"x{nonce}.{expiry}.{signature}") is None


def test_cookie_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = known_by().issue(None)
    later = time.time() + devices.LIFETIME_S + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert known_by().read(cookie) is None
