"""Which settings make which store."""

import pytest

from core import config, services
from core.errors.startup import SettingsError


def test_storage_off_has_no_store() -> None:
    assert services.object_store(config.read(storage_enabled=False)) is None


def test_storage_needs_database() -> None:
    assert services.object_store(config.read(database_enabled=False, api_key_enabled=False)) is None


def test_endpoint_without_keys_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        config.read(s3_endpoint="s3:9000", s3_bucket="No Bucket", link_lifetime_s=604_801)
    for name in ("S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_BUCKET", "LINK_LIFETIME_S"):
        assert f"FACE_API_{name}:" in str(caught.value)


def test_keys_without_endpoint_are_refused() -> None:
    with pytest.raises(SettingsError, match="S3_ACCESS_KEY: is for a server"):
        config.read(s3_access_key="a", s3_secret_key="b")


@pytest.mark.parametrize("name", ["a..b", "a.-b", "a-.b", "10.0.0.1", "Faces", "faces_1", "ab", ""])
def test_bucket_that_no_server_takes_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="FACE_API_S3_BUCKET:"):
        config.read(s3_bucket=name)


@pytest.mark.parametrize(
    "endpoint",
    ["ftp://s3", "http://s3/path", "s3:port", "s3:99999", "http://", "http://me:pass@s3", "s3?x", "https://s3#x"],
)
def test_endpoint_that_names_no_server_is_refused(endpoint: str) -> None:
    for name in ("s3_endpoint", "s3_public_endpoint"):
        with pytest.raises(SettingsError, match=f"FACE_API_{name.upper()}:"):
            config.read(**{name: endpoint})


def test_keys_stay_out_of_repr() -> None:
    shown = repr(config.read(s3_endpoint="s3:9000", s3_access_key="access-1", s3_secret_key="secret-1"))
    assert "access-1" not in shown and "secret-1" not in shown
