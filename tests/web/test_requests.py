"""Requests: whom limits count by."""

import flask
import pytest

from web.requests import client_address


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("", "unknown"),
    ],
)
def test_limits_count_by_network(address: str, counted: str) -> None:
    with flask.Flask(__name__).test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert client_address() == counted
