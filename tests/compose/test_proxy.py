"""compose/proxy.yml and its nginx: confined like the rest, and as the settings have it."""

import re
from typing import Any

import pytest
import yaml

from core import config
from core.config import Settings
from tests.compose import files

OVERLAY, CONFIGURATION = files.FOLDER / "proxy.yml", files.FOLDER / "proxy" / "nginx.conf"


@pytest.fixture
def overlay() -> dict[str, dict[str, Any]]:
    text = files.interpolated(OVERLAY.read_text(), files.example())
    found: dict[str, dict[str, Any]] = yaml.safe_load(text.replace("!reset ", ""))["services"]
    return found


def test_proxy_is_confined(overlay: dict[str, dict[str, Any]]) -> None:
    proxy, hardened = overlay["proxy"], files.services()["redis"]
    for rule in ("read_only", "cap_drop", "security_opt", "restart", "logging"):
        assert proxy[rule] == hardened[rule]
    assert proxy["memswap_limit"] == proxy["mem_limit"]
    assert int(proxy["user"].partition(":")[0]) > 0
    assert (files.FOLDER / proxy["volumes"][0].partition(":")[0]).is_file()


def test_only_the_proxy_publishes_a_port(overlay: dict[str, dict[str, Any]]) -> None:
    assert overlay["web"]["ports"] == []
    assert overlay["web"]["environment"] == {"FACE_API_TRUSTED_PROXIES": "1"}
    assert overlay["web"]["scale"] > 1


def test_nginx_agrees_with_the_settings() -> None:
    settings, said = Settings(_env_file=None), CONFIGURATION.read_text()
    sizes = {int(size) * 2**20 for size in re.findall(r"client_max_body_size (\d+)m", said)}
    sizes |= {int(size) * 2**30 for size in re.findall(r"client_max_body_size (\d+)g", said)}
    assert sizes == {settings.max_upload_bytes, settings.max_video_bytes}
    (timeout,) = re.findall(r"proxy_read_timeout (\d+)s;", said)
    assert int(timeout) > settings.job_timeout_s
    assert files.named_settings(said) <= set(config.names())
