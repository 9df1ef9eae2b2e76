"""Cookies of browsers in which the administrator has logged in."""

import time

import pytest

from core import config
from web.auth import devices
from web.auth.devices import Devices


def known_by(password: str = "correct horse", user: str = "admin") -> Devices:  # noqa: S107  # a test's
    return Devices(config.read(admin_password=password, admin_user=user))


def test_device_is_known_to_every_process() -> None:
    cookie = known_by().issue(None, "admin")
    assert known_by().read(cookie) and known_by().read(cookie) == known_by().read(cookie)


def test_devices_differ() -> None:
    assert known_by().read(known_by().issue(None, "admin")) != known_by().read(known_by().issue(None, "admin"))


def test_device_stays_the_same() -> None:
    cookie = known_by().issue(None, "admin")
    assert known_by().read(known_by().issue(cookie, "admin")) == known_by().read(cookie)
    made_up = known_by().read(known_by().issue("made.1.up", "admin"))
    assert made_up and made_up.name != "made"


def test_device_tells_who_has_logged_in_last() -> None:
    first = known_by().issue(None, "Kim")
    then = known_by().issue(first, "Lee")
    before, after = known_by().read(first), known_by().read(then)
    assert before and after and before.name == after.name
    assert before.account == known_by().account("kim") != after.account == known_by().account("lee")
    assert "kim" not in first.lower() and known_by("another horse").account("kim") != before.account


def test_device_of_before_is_known_for_no_account() -> None:
    signed = f"{'a' * 22}.{int(time.time()) + 60}"
    device = known_by().read(f"{signed}.{known_by()._signature(signed)}")
    assert device and (device.name, device.account) == ("a" * 22, "")


def test_another_password_forgets_devices() -> None:
    cookie = known_by().issue(None, "admin")
    assert known_by("another horse").read(cookie) is None
    assert known_by(user="root").read(cookie) is None


@pytest.mark.parametrize("cookie", ["", ".", "..", "a.9999999999.", "a.9999999999.00", "é.\udcff.x", "a" * 5000])
def test_made_up_cookie_is_unknown(cookie: str) -> None:
    assert known_by().read(cookie) is None


def test_altered_cookie_is_unknown() -> None:
    nonce, expiry, signature = known_by().issue(None, "admin").split(".")
    assert known_by().read(f"{nonce}.{int(expiry) + 1}.{signature}") is None
    assert known_by().read(f"x{nonce}.{expiry}.{signature}") is None


def test_cookie_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = known_by().issue(None, "admin")
    later = time.time() + devices.LIFETIME_S + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert known_by().read(cookie) is None
