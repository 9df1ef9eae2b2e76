"""What only the S3 store does."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.core.storage.stores import KEY, s3_store
from tests.ports import free_port


def test_link_names_public_endpoint() -> None:
    closed = f"127.0.0.1:{free_port()}"
    store = s3_store(closed, s3_public_endpoint="https://pictures.example.com", s3_bucket="our-bucket")
    link = urlsplit(store.link(KEY, "photo.jpg", "image/jpeg"))
    assert (link.scheme, link.netloc, link.path) == ("https", "pictures.example.com", f"/our-bucket/{KEY}")


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({"s3_endpoint": "s3:9000"}, "https://s3:9000"),
        ({"s3_endpoint": "s3:9000", "s3_secure": False}, "http://s3:9000"),
        ({"s3_endpoint": "http://s3:9000/"}, "http://s3:9000"),
        ({"s3_endpoint": "https://s3.example.com", "s3_secure": False}, "https://s3.example.com"),
        ({"s3_endpoint": "http://s3:9000", "s3_public_endpoint": "files.example.com"}, "https://files.example.com"),
    ],
)
def test_scheme_decides_tls(values: dict[str, Any], address: str) -> None:
    store = s3_store(values.pop("s3_endpoint"), **values)
    assert store.link(KEY, "photo.jpg", "image/jpeg").startswith(address + "/")
