"""Settings: read, refused together, documented."""

from pathlib import Path

import pytest

from core import config
from core.errors.startup import SettingsError


def test_settings_report_problems_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACE_API_INPUT_SIZE", "33")
    monkeypatch.setenv("FACE_API_PORT", "0")
    monkeypatch.setenv("FACE_API_RATE_LIMIT_MASK", "often")
    monkeypatch.setenv("FACE_API_DATABASE_ENABLED", "false")
    with pytest.raises(SettingsError) as caught:
        config.read()
    for name in ("INPUT_SIZE", "PORT", "RATE_LIMIT_MASK", "API_KEY_ENABLED"):
        assert f"FACE_API_{name}:" in str(caught.value)


def test_settings_refuse_keys_without_database() -> None:
    with pytest.raises(SettingsError, match="FACE_API_DATABASE_ENABLED=true"):
        config.read(database_enabled=False)


def test_settings_come_from_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("FACE_API_QUEUE_LIMIT=7\nSOMETHING_ELSE=1\n")
    monkeypatch.chdir(tmp_path)
    assert config.read().queue_limit == 7


def test_settings_come_from_files_that_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "password").write_text("a secret of a file\n")
    (tmp_path / "port").write_text("9000\r\n")
    (tmp_path / ".env").write_text("FACE_API_PORT_FILE=port\n")
    monkeypatch.setenv("FACE_API_ADMIN_PASSWORD_FILE", str(tmp_path / "password"))
    settings = config.read()
    assert (settings.admin_password.get_secret_value(), settings.port) == ("a secret of a file", 9000)
    assert not config.unknown()


def test_problems_of_files_are_told_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    monkeypatch.setenv("FACE_API_ADMIN_PASSWORD", "a long password")
    for name in ("ADMIN_PASSWORD", "S3_SECRET_KEY", "DATABASE_URL"):
        place = tmp_path / ("nowhere" if name == "DATABASE_URL" else "key")
        monkeypatch.setenv(f"FACE_API_{name}_FILE", str(place))
    with pytest.raises(SettingsError) as error:
        config.read()
    assert "FACE_API_ADMIN_PASSWORD: is given, and FACE_API_ADMIN_PASSWORD_FILE too" in str(error.value)
    assert "FACE_API_S3_SECRET_KEY_FILE: " in str(error.value)
    assert f"FACE_API_DATABASE_URL_FILE: {tmp_path / 'nowhere'}: No such file" in str(error.value)
    assert "a long password" not in str(error.value)


def test_settings_take_plain_host_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "0.0.0.0")  # noqa: S104  # never listened on
    monkeypatch.setenv("PORT", "8123")
    assert (config.read().host, config.read().port) == ("0.0.0.0", 8123)  # noqa: S104


def test_misspelt_settings_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACE_API_QUEUE_LIMITS", "7")
    monkeypatch.setenv("FACE_API_URL", "http://elsewhere")
    assert config.unknown() == {"FACE_API_QUEUE_LIMITS": "FACE_API_QUEUE_LIMIT"}


def test_misspelt_names_in_file_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("# FACE_API_COMMENT=1\n export FACE_API_STORAGE_ENABLE = false\nFACE_API_PORT=1\n")
    monkeypatch.chdir(tmp_path)
    assert config.unknown() == {"FACE_API_STORAGE_ENABLE": "FACE_API_STORAGE_ENABLED"}


def test_settings_hide_password() -> None:
    assert "hunter2" not in repr(config.read(admin_password="hunter2" * 2))


def test_short_password_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACE_API_ADMIN_PASSWORD", "hunter2hunt")
    with pytest.raises(SettingsError, match="FACE_API_ADMIN_PASSWORD: should have 12 characters or more") as caught:
        config.read()
    assert "hunter" not in str(caught.value)


def test_settings_read_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACE_API_ALLOWED_HOSTS", "faces.example.org, .Example.com,[::1]")
    monkeypatch.setenv("FACE_API_WEBHOOK_PORTS", "443, 8443")
    assert config.read().allowed_hosts == ("faces.example.org", ".example.com", "[::1]")
    assert config.read().webhook_ports == (443, 8443)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_HOSTS", "faces.example.org:443"),
        ("ALLOWED_HOSTS", "https://faces.example.org"),
        ("ALLOWED_HOSTS", "faces.example.org other.example.org"),
        ("ALLOWED_HOSTS", "*"),
        ("WEBHOOK_PORTS", "http"),
        ("WEBHOOK_PORTS", "0"),
        ("WEBHOOK_PORTS", "65536"),
        ("WEBHOOK_PORTS", ","),
        ("PUBLIC_URL", "faces.example.org"),
        ("PUBLIC_URL", "https://faces.example.org/below"),
        ("PUBLIC_URL", "ftp://faces.example.org"),
    ],
)
def test_settings_refuse_other_places(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"FACE_API_{name}", value)
    with pytest.raises(SettingsError, match=f"FACE_API_{name}"):
        config.read()


@pytest.mark.parametrize("name", config.names())
def test_setting_is_documented(name: str) -> None:
    assert f"`{name}`" in (config.ROOT / "docs" / "settings.md").read_text()


def test_first_of_several_redis_is_the_queue() -> None:
    read = config.read(redis_url="redis://:a,b@one:6379/0, rediss://two:6380/1?ssl_cert_reqs=none,redis://[::1]")
    assert read.redis_urls == ["redis://:a,b@one:6379/0", "rediss://two:6380/1?ssl_cert_reqs=none", "redis://[::1]"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("localhost:6379", "should be redis://"),
        ("redis://one:6379/0,two:6379/0", "should be redis://"),
        ("redis://one/0,", "should be redis://"),
        ("redis://one/0,redis://two:port/0", "number 2 of the 2 is not"),
        ("redis://:hunter2@one/first", "should be redis://"),
        ("redis://one/0,redis://one/0", "one server twice"),
        ("redis://one:65536/0", "should be redis://"),
        ("redis://one:0/0", "should be redis://"),
        *((f"{scheme}://:hunter2@one/0?socket_timeout=soon", "as socket_timeout;") for scheme in ("redis", "rediss")),
        ("redis://one/0?health_check_interval=5", "as health_check_interval;"),
        ("redis://one/0?ssl_cert_reqs=none", "as ssl_cert_reqs;"),
        ("rediss://one/0?ssl_cert_reqs=maybe", "as ssl_cert_reqs;"),
        ("rediss://one/0?ssl_min_version=771", "as ssl_min_version;"),
        ("rediss://one/0?ssl_check_hostname=", "as ssl_check_hostname;"),
        ("rediss://one/0?ssl_cert_reqs=none&ssl_cert_reqs=required", "as ssl_cert_reqs;"),
        ("redis://one/0,redis://two/0?db=5", "as db; these are: socket_timeout"),
    ],
)
def test_settings_refuse_wrong_redis(value: str, said: str) -> None:
    with pytest.raises(SettingsError, match="FACE_API_REDIS_URL") as caught:
        config.read(redis_url=value)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("redis://:a@one:6379/0", "redis://:a@one:6379/0"),
        ("redis://one/0?socket_timeout=5", "redis://one/0"),
        ("rediss://one/0?socket_timeout=2.5", "rediss://one/0?ssl_cert_reqs=required"),
        ("rediss://one/0?ssl_cert_reqs=none&socket_connect_timeout=1", "rediss://one/0?ssl_cert_reqs=none"),
    ],
)
def test_celery_is_told_of_no_time_outs(value: str, told: str) -> None:
    assert config.read(redis_url=value).broker_url == told


@pytest.mark.parametrize("value", ["0/minute", "often", "600/0 minutes", "600/minute\n"])
def test_settings_refuse_rates_of_no_call(value: str) -> None:
    with pytest.raises(SettingsError, match="FACE_API_RATE_LIMIT_MASK: Write a rate such as 600/minute, of at least"):
        config.read(rate_limit_mask=value)
    assert config.read(rate_limit_mask="600 per 5 minutes").rate_limit_mask == "600 per 5 minutes"
