"""Providers whose documents are not as they should be: nobody is let in, and each log-in ends as a refusal."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from core import config
from core.contract.roles import Role
from core.errors import ProviderUnavailable
from web.auth.oidc import bounded_clients
from web.auth.oidc.flows import Flow
from web.auth.oidc.identities import Identity, Mapping
from web.auth.oidc.providers import Provider
from web.auth.oidc.refusals import InvalidIdToken, NoIdentity

KEY = RSAKey.generate_key(2048, {"kid": "one"})
PUBLIC = KEY.as_dict(private=False)
DEEP = "[" * 100_000
ANYTHING: list[Any] = [None, True, 5, "x", [], ["x"], [[1, 2]], {}, {"x": 5}, 1e999]
FLOW = Flow("the state", "the nonce", "the verifier" * 4, "")
REFUSALS = (ProviderUnavailable, InvalidIdToken, NoIdentity)  # what a log-in knows how to end by


class OddProvider:
    """A provider that says what a test has it say: bytes and functions as they are, and everything else as JSON."""

    def __init__(self) -> None:
        self.said: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.answer(self)

            do_POST = do_GET  # noqa: N815 - http.server looks for this name

            def log_message(self, *args: object) -> None:
                """Keep the tests' output clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.said["/.well-known/openid-configuration"] = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "userinfo_endpoint": f"{self.url}/me",
            "end_session_endpoint": f"{self.url}/bye",
        }
        self.said |= {"/keys": {"keys": [PUBLIC]}, "/token": {}, "/me": {"sub": "7", "preferred_username": "kim"}}

    @property
    def metadata(self) -> dict[str, Any]:
        found: dict[str, Any] = self.said["/.well-known/openid-configuration"]
        return found

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        request.rfile.read(int(request.headers.get("Content-Length", "0")))
        path = urlsplit(request.path).path
        said = self.said[path]
        if callable(said):
            said(request)
            return
        if path == "/token" and isinstance(said, dict):
            said = {"id_token": self.id_token(), "access_token": "x", "token_type": "Bearer"} | said
        data = said if isinstance(said, bytes) else json.dumps(said).encode()
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def id_token(self) -> str:
        now = int(time.time())
        right = {"iss": self.url, "aud": "face-api", "sub": "7", "nonce": FLOW.nonce, "iat": now, "exp": now + 60}
        said = json.dumps(right | {"groups": ["all"]} | self.claims)
        return jws.serialize_compact({"alg": "RS256", "kid": "one"}, said, KEY)


@pytest.fixture
def provider() -> Iterator[OddProvider]:
    made = OddProvider()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


class LogIn:
    """A log-in at a provider that this web process has asked nothing yet."""

    def __init__(self, provider: OddProvider) -> None:
        own = {"public_url": "https://faces.example", "oidc_issuer": provider.url, "oidc_client_id": "face-api"}
        settings = config.read(oidc_client_secret="x", oidc_roles="all=operator", **own)
        self._provider, self._mapping = Provider(settings, "https://faces.example/back"), Mapping(settings)

    def begin(self) -> str:
        return self._provider.login_url(FLOW)

    def finish(self) -> Identity:
        tokens = self._provider.redeem("a code", FLOW)
        claims = self._provider.claims(tokens, FLOW)
        more = self._provider.more_claims(tokens, str(claims["sub"])) if self._mapping.lacks(claims) else {}
        return self._mapping.identity(more | claims)

    def log_out(self) -> str | None:
        return self._provider.logout_url("", "https://faces.example/")


def log_in(provider: OddProvider) -> Identity:
    return LogIn(provider).finish()


def test_right_provider_lets_in(provider: OddProvider) -> None:
    assert log_in(provider) == Identity("kim", Role.OPERATOR, "7")
    assert str(LogIn(provider).log_out()).startswith(f"{provider.url}/bye?")


@pytest.mark.parametrize("keys", [5, None, True, "x", {"a": 1}, 1e999], ids=repr)
def test_keys_that_are_no_list_are_not_kept(provider: OddProvider, keys: Any) -> None:
    provider.said["/keys"] = {"keys": keys}
    with pytest.raises(ProviderUnavailable):
        log_in(provider)


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/keys", "/token", "/me"])
@pytest.mark.parametrize(
    "said", [*ANYTHING, b"", b"\xff", b"{", DEEP.encode(), b"9" * 5000], ids=lambda said: repr(said)[:20]
)
def test_document_of_any_shape_lets_nobody_in(provider: OddProvider, path: str, said: Any) -> None:
    if path == "/token" and isinstance(said, dict):
        return  # it is completed: the members are the next tests'
    provider.said[path] = said
    with pytest.raises(REFUSALS):
        log_in(provider)


@pytest.mark.parametrize(
    "url",
    [
        *ANYTHING,
        *("", "http://login.example/x", "https://", "https://[x/", "https://\ud800/"),
        *("https://login.example/\ud800", "https://login.example/?a=\ud800", "//login.example", "javascript:x"),
        "https://login.example/\0",
    ],
    ids=ascii,
)
def test_address_of_any_shape_leads_nowhere(provider: OddProvider, url: Any) -> None:
    """Whichever of them is odd: none is asked, and no browser is sent there."""
    right = dict(provider.metadata)
    for name in right.keys() - {"issuer"}:
        provider.metadata.update(right | {name: url})
        if url is None and name in {"userinfo_endpoint", "end_session_endpoint"}:
            continue  # as if there were none
        made = LogIn(provider)
        for step in (made.begin, made.log_out):
            with pytest.raises(ProviderUnavailable):
                step()


@pytest.mark.parametrize("name", ["token_endpoint", "jwks_uri", "userinfo_endpoint"])
def test_port_that_there_is_not_is_not_reached(provider: OddProvider, name: str) -> None:
    provider.metadata[name] = "http://127.0.0.1:99999/"
    with pytest.raises(ProviderUnavailable):
        log_in(provider)


def test_provider_without_what_is_optional_is_usable(provider: OddProvider) -> None:
    provider.claims = {"preferred_username": "kim"}
    for absent in ({}, {"userinfo_endpoint": None, "end_session_endpoint": None}):
        for name in ("userinfo_endpoint", "end_session_endpoint"):
            provider.metadata.pop(name, None)
        provider.metadata.update(absent)
        assert log_in(provider).username == "kim" and LogIn(provider).log_out() is None


@pytest.mark.parametrize("methods", ANYTHING, ids=repr)
def test_methods_of_any_shape_end_cleanly(provider: OddProvider, methods: Any) -> None:
    provider.metadata["token_endpoint_auth_methods_supported"] = methods
    with suppress(ProviderUnavailable):
        log_in(provider)


@pytest.mark.parametrize("name", ["expires_in", "expires_at", "access_token", "id_token", "error", "error_description"])
def test_token_answer_of_any_shape_ends_cleanly(provider: OddProvider, name: str) -> None:
    made = LogIn(provider)
    for value in (*ANYTHING, "\ud800", "\n", "a.b.c", -1):
        provider.said["/token"] = {name: value}
        with suppress(*REFUSALS):
            made.finish()


@pytest.mark.parametrize("member", ["kty", "n", "e", "kid", "use", "alg", "key_ops", "x5c", "x5t"])
@pytest.mark.parametrize("value", [*ANYTHING, "", "!", "AA", "é"], ids=ascii)
def test_key_of_any_shape_ends_cleanly(provider: OddProvider, member: str, value: Any) -> None:
    provider.said["/keys"] = {"keys": [PUBLIC | {member: value}, {"kty": "EC", "crv": value, "x": value, "y": value}]}
    with suppress(*REFUSALS):
        log_in(provider)


@pytest.mark.parametrize(
    "name",
    [
        *("iss", "aud", "sub", "exp", "iat", "nbf", "nonce", "azp", "amr", "acr", "at_hash", "auth_time", "jti"),
        *("preferred_username", "groups", "email", "email_verified"),
    ],
)
def test_claim_of_any_shape_ends_cleanly(provider: OddProvider, name: str) -> None:
    made = LogIn(provider)
    for value in (*ANYTHING, "\ud800", "\0", "x" * 300):
        provider.claims = {"preferred_username": "kim", name: value}
        with suppress(*REFUSALS):
            identity = made.finish()
            assert identity.username.isprintable()
            assert identity.subject.isprintable() and len(identity.subject) < 256


def forever(begin: bytes, more: bytes, pause_s: float) -> tuple[Callable[[BaseHTTPRequestHandler], None], list[int]]:
    """Return an answer that does not end by itself, and how often it went on; -1: somebody has hung up."""
    written: list[int] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        try:
            request.wfile.write(begin)
            while len(written) < 100:
                request.wfile.write(more)
                written.append(1)
                time.sleep(pause_s)
        except OSError:
            written.append(-1)

    return answer, written


ANSWERED = ("/.well-known/openid-configuration", "/keys", "/token", "/me")


@pytest.mark.parametrize("path", ANSWERED)
@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X: x\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n{", b" "),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{", b" "),
    ],
)
def test_answer_that_drips_is_given_up(
    provider: OddProvider, monkeypatch: pytest.MonkeyPatch, path: str, begin: bytes, more: bytes
) -> None:
    monkeypatch.setattr(bounded_clients, "TOTAL_TIMEOUT_S", 0.5)
    provider.said[path], written = forever(begin, more, 0.1)
    with pytest.raises(ProviderUnavailable):
        log_in(provider)
    assert 0 < len(written) < 100


def test_answer_that_drips_is_given_up_also_of_a_host_that_was_found_late(
    provider: OddProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one is whose first addresses are silent: the time is up before there is a connection to end."""
    find = socket.getaddrinfo

    def find_late(*asked: Any, **options: Any) -> Any:
        time.sleep(0.5)
        return find(*asked, **options)

    monkeypatch.setattr(bounded_clients, "TOTAL_TIMEOUT_S", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", find_late)
    provider.said[ANSWERED[0]], written = forever(b"HTTP/1.1 200 OK\r\n\r\n{", b" ", 0.1)
    with pytest.raises(ProviderUnavailable):
        log_in(provider)
    assert len(written) < 100


@pytest.mark.parametrize("path", ANSWERED)
def test_answer_that_is_too_large_is_given_up(provider: OddProvider, path: str) -> None:
    provider.said[path], written = forever(b"HTTP/1.1 200 OK\r\n\r\n{", b" " * 2**20, 0)
    with pytest.raises(ProviderUnavailable):
        log_in(provider)
    assert len(written) < 50


@pytest.mark.parametrize("path", ANSWERED)
def test_answer_that_is_packed_is_not_unpacked(provider: OddProvider, path: str) -> None:
    packed = gzip.compress(b"{" + b" " * 2**20 + b"}")
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    provider.said[path] = lambda request: request.wfile.write(head + packed)
    with pytest.raises(ProviderUnavailable) as refused:
        log_in(provider)
    assert isinstance(refused.value.__cause__, httpx.DecodingError)
