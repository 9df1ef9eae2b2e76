"""Where requests come from and were sent to, as proxies say it."""

from collections.abc import Callable
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from core import config
from core.errors import FaceApiError
from web import requests
from web.auth import origins

MakeClient = Callable[..., FlaskClient]


@pytest.fixture
def make_client() -> MakeClient:
    """Make the client of an app that says what it thinks of a request; its peer is a proxy."""

    def make(**settings: Any) -> FlaskClient:
        app = flask.Flask(__name__)
        origins.install(app, config.read(**settings))

        @app.route("/")
        @app.route("/health")
        @app.route("/health/live")
        def describe() -> dict[str, object]:
            secure = origins.is_secure()
            return {"address": requests.client_address(), "is_secure": secure, "base_url": origins.base_url()}

        @app.route("/peer")
        def name_peer() -> str:
            return str(flask.request.remote_addr)

        app.register_error_handler(FaceApiError, lambda error: (error.detail, 400))
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = "10.0.0.1"
        return client

    return make


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:5555", "192.0.2.7"),
        ("192.0.2.7:5556", "192.0.2.7"),
        ("198.51.100.1, 192.0.2.7:443", "192.0.2.7"),
        ("[2001:db8:1:2::3]:5555", "2001:db8:1:2::/64"),
        ('"[2001:db8:1:2::3]:5555"', "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::3]", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::3", "2001:db8:1:2::/64"),
        (" ::ffff:192.0.2.7 ", "192.0.2.7"),
        ("garbage, 192.0.2.7", "192.0.2.7"),
    ],
)
def test_forwarded_address_has_no_port(make_client: MakeClient, forwarded: str, address: str) -> None:
    answer = make_client(trusted_proxies=1).get("/", headers={"X-Forwarded-For": forwarded})
    assert answer.json and answer.json["address"] == address


@pytest.mark.parametrize("forwarded", ["fe80::1%eth0", "[fe80::1%eth0]:5555", f"fe80::1%{'x' * 500}"])
def test_forwarded_address_has_no_zone(make_client: MakeClient, forwarded: str) -> None:
    answer = make_client(trusted_proxies=1).get("/peer", headers={"X-Forwarded-For": forwarded})
    assert answer.text == "fe80::1"


@pytest.mark.parametrize(
    "forwarded",
    ["unknown", "_hidden", "192.0.2.7:5555:1", "192.0.2.300", "[2001:db8::1", "192.0.2.7, 'x'", "a:1", "unix:"],
)
def test_what_is_no_address_is_refused(make_client: MakeClient, forwarded: str) -> None:
    answer = make_client(trusted_proxies=1).get("/", headers={"X-Forwarded-For": forwarded})
    assert answer.status_code == (200 if forwarded.startswith("[2001:db8::1") else 400)


def test_forwarding_is_ignored_without_proxies(make_client: MakeClient) -> None:
    headers = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "faces.example.org"}
    told = make_client().get("/", headers=headers).json
    assert told == {"address": "10.0.0.1", "is_secure": False, "base_url": "http://localhost"}


def test_two_proxies_may_pass_one_scheme_and_host(make_client: MakeClient) -> None:
    headers = {
        "X-Forwarded-For": "192.0.2.7, 10.0.0.2",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "faces.example.org",
    }
    told = make_client(trusted_proxies=2).get("/", headers=headers).json
    assert told == {"address": "192.0.2.7", "is_secure": True, "base_url": "https://faces.example.org"}


@pytest.mark.parametrize(
    ("scheme", "secure"), [("HTTPS", True), ("http, https", True), ("http", False), ("ftp", False), ("", False)]
)
def test_forwarded_scheme_is_one_of_two(make_client: MakeClient, scheme: str, secure: bool) -> None:
    told = make_client(trusted_proxies=1).get("/", headers={"X-Forwarded-Proto": scheme}).json
    assert told and told["is_secure"] is secure and told["base_url"] == f"http{'s' * secure}://localhost"


def test_public_url_stands_in_links(make_client: MakeClient) -> None:
    client = make_client(public_url="https://faces.example.org")
    inside = client.get("/", headers={"Host": "10.0.0.5:8000"}).json
    outside = client.get("/", headers={"Host": "Faces.example.org"}).json
    assert inside and (inside["base_url"], inside["is_secure"]) == ("https://faces.example.org", False)
    assert outside and (outside["base_url"], outside["is_secure"]) == ("https://faces.example.org", True)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("faces.example.org", 200),
        ("FACES.example.org:8000", 200),
        ("a.b.example.com", 200),
        ("[::1]:8000", 200),
        ("example.com", 400),
        ("evilexample.com", 400),
        ("faces.example.org.evil.example", 400),
        ("evil.example", 400),
        ("faces.example.org@evil.example", 400),
        ("[::2]", 400),
        ("10.0.0.5", 400),
        ("", 400),
    ],
)
def test_only_allowed_hosts_are_answered(make_client: MakeClient, host: str, status: int) -> None:
    client = make_client(allowed_hosts=("faces.example.org", ".example.com", "[::1]"))
    assert client.get("/", headers={"Host": host}).status_code == status
    # Probes name the address of a machine or a container.
    assert client.get("/health", headers={"Host": "10.0.0.5"}).status_code == 200
    assert client.get("/health/live", headers={"Host": "10.0.0.5"}).status_code == 200
