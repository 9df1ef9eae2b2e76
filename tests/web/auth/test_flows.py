"""What single sign-on keeps in Redis: only what this tier has written there counts."""

import uuid

import pytest
import redis

from core import config
from web.auth.oidc.flows import NAMESPACE, Flows
from web.auth.oidc.log_outs import LogOuts
from web.auth.sessions import Seal

TOKEN = "header.claims.signature"


@pytest.fixture(scope="module")
def seal() -> Seal:
    return Seal(config.read(admin_password="correct horse"))


def test_log_in_that_somebody_else_wrote_is_none(valkey: str, seal: Seal) -> None:
    client = redis.Redis.from_url(valkey)
    flows, before = Flows(client, seal), {*client.scan_iter(f"{NAMESPACE}*")}
    flow, browser = flows.begin("/console/jobs")
    (name,) = {*client.scan_iter(f"{NAMESPACE}*")} - before
    stored = client.get(name)
    assert isinstance(stored, bytes)
    flows.begin("/console/keys")
    (another,) = {*client.scan_iter(f"{NAMESPACE}*")} - before - {name}
    anothers = client.get(another) or b""
    plain = stored[stored.index(b"{") :]
    for forged in (stored.replace(b"/console/jobs", b"//evil.example"), plain, anothers, b"", b"\xff", b"5"):
        client.set(name, forged)
        assert flows.take(browser, flow.state) is None
    client.set(name, stored)
    assert flows.take(browser, flow.state) == flow
    assert flows.take(browser, flow.state) is None


def test_id_token_that_somebody_else_wrote_is_none(valkey: str, seal: Seal) -> None:
    client = redis.Redis.from_url(valkey)
    log_outs, own, other = LogOuts(client, seal, 60), uuid.uuid4(), uuid.uuid4()
    names = {one: f"{NAMESPACE}id-token:{one}" for one in (own, other)}
    for one in names:
        log_outs.remember(one, TOKEN)
    stored, anothers = client.get(names[own]), client.get(names[other])
    assert isinstance(stored, bytes) and isinstance(anothers, bytes) and TOKEN.encode() in stored
    for forged in (TOKEN.encode(), stored[:-1], anothers, b"", b"\xff" * 99):
        client.set(names[own], forged)
        assert log_outs.take(own) == ""
    client.set(names[own], stored)
    assert [log_outs.take(own), log_outs.take(own)] == [TOKEN, ""]
