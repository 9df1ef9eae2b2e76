"""Webhooks: what a receiver is sent, when it is sent again, and what is never called."""

import base64
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session
from standardwebhooks import Webhook, WebhookVerificationError

from core import config
from core.batches import lifecycle
from core.batches.lifecycle import NewBatch
from core.config import Settings
from core.contract.options import ResolvedMaskOptions
from core.database.engine import SessionFactory
from core.database.models import Batch, WebhookDelivery
from core.database.upserts import table_of
from core.observability import metrics
from core.webhooks import addresses, deliveries, posts
from core.webhooks.addresses import AddressPolicy
from core.webhooks.deliveries import RETRY_DELAYS, DeliverySummary
from core.webhooks.posts import AttemptResult, WebhookMessage
from tests.core.observability import counted
from tests.core.webhooks.conftest import EVERY_PORT, SECRET, Receiver, all_deliveries, ended

TRUSTED = AddressPolicy(allow_private=True, ports=EVERY_PORT)


def make_due(sessions: SessionFactory) -> None:
    """Let every pause be over."""
    with sessions() as session:
        pending = session.query(WebhookDelivery).filter(WebhookDelivery.status == "pending")
        pending.update({"next_attempt_at": datetime.now(UTC) - timedelta(seconds=1)})
        session.commit()


def test_end_of_a_batch_is_delivered(sessions: SessionFactory, settings: Settings, receiver: Receiver) -> None:
    batch_id = ended(sessions, f"{receiver.url}/hook?x=1")
    assert deliveries.deliver_due(sessions, settings) == DeliverySummary(1, 1)
    ((path, headers, body),) = receiver.got
    (delivery,) = all_deliveries(sessions)
    assert path == "/hook?x=1" and headers["content-type"] == "application/json"
    payload = Webhook(SECRET).verify(body, headers)
    assert (payload["type"], payload["data"]["id"], payload["data"]["name"]) == (
        "batch.completed",
        str(batch_id),
        "press",
    )
    assert payload["data"]["counts"] == dict.fromkeys(
        ("total", "completed", "failed", "cancelled", "refused", "deleted"), 0
    )
    assert headers["webhook-id"] == f"msg_{delivery.id.hex}"
    assert (delivery.status, delivery.attempts, delivery.last_status, delivery.last_error) == (
        "delivered",
        1,
        204,
        None,
    )
    assert delivery.delivered_at and delivery.next_attempt_at is None
    assert deliveries.deliver_due(sessions, settings) == DeliverySummary(0, 0)


def test_other_secret_does_not_verify(sessions: SessionFactory, settings: Settings, receiver: Receiver) -> None:
    ended(sessions, receiver.url)
    deliveries.deliver_due(sessions, settings)
    ((_, headers, body),) = receiver.got
    other = "whsec_" + base64.b64encode(bytes(32)).decode()
    for secret, sent in ((other, body), (SECRET, body.replace("press", "other"))):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(sent, headers)


def test_batch_without_webhook_has_no_delivery(sessions: SessionFactory, settings: Settings) -> None:
    ended(sessions, None)
    assert all_deliveries(sessions) == []


def test_cancelled_batch_has_its_own_event(sessions: SessionFactory, settings: Settings, receiver: Receiver) -> None:
    with sessions() as session:
        batch, _ = lifecycle.create(session, NewBatch("press", ResolvedMaskOptions(), receiver.url))
        lifecycle.cancel(session, batch.id)
    deliveries.deliver_due(sessions, settings)
    assert json.loads(receiver.got[0][2])["type"] == "batch.cancelled"


def test_delivery_is_of_the_transaction_that_ends_the_batch(sessions: SessionFactory) -> None:
    with sessions() as session:
        batch, _ = lifecycle.create(session, NewBatch("press", ResolvedMaskOptions(), "https://example.org"))
        session.execute(table_of(Batch).update().values(status="running"))
        assert lifecycle.finish_if_done(session, batch.id)
        session.rollback()
    assert all_deliveries(sessions) == []


def test_failed_delivery_is_repeated_with_pauses(
    sessions: SessionFactory, settings: Settings, receiver: Receiver
) -> None:
    receiver.statuses = [500] * (len(RETRY_DELAYS) + 1)
    ended(sessions, receiver.url)
    for number in range(1, len(RETRY_DELAYS) + 2):
        before = datetime.now(UTC)
        assert deliveries.deliver_due(sessions, settings) == DeliverySummary(1, 0)
        took = datetime.now(UTC) - before
        assert deliveries.deliver_due(sessions, settings) == DeliverySummary(0, 0)
        (delivery,) = all_deliveries(sessions)
        assert (delivery.attempts, delivery.last_status) == (number, 500)
        if number <= len(RETRY_DELAYS):
            assert delivery.status == "pending" and delivery.next_attempt_at is not None
            late = delivery.next_attempt_at - before - RETRY_DELAYS[number - 1]
            assert timedelta() <= late < took + timedelta(seconds=1)
            make_due(sessions)
    assert (delivery.status, delivery.next_attempt_at, delivery.last_error) == ("failed", None, "the answer was 500")
    ids = {headers["webhook-id"] for _, headers, _ in receiver.got}
    bodies = {body for *_, body in receiver.got}
    assert len(receiver.got) == len(RETRY_DELAYS) + 1 and len(ids) == len(bodies) == 1


def test_receiver_that_comes_back_gets_it(sessions: SessionFactory, settings: Settings, receiver: Receiver) -> None:
    receiver.statuses = [503]
    ended(sessions, receiver.url)
    deliveries.deliver_due(sessions, settings)
    make_due(sessions)
    assert deliveries.deliver_due(sessions, settings) == DeliverySummary(1, 1)
    assert all_deliveries(sessions)[0].status == "delivered"


def test_attempts_are_counted(sessions: SessionFactory, settings: Settings, receiver: Receiver) -> None:
    def counts() -> tuple[float, float]:
        of = metrics.WEBHOOK_ATTEMPTS
        return counted.value(of, "failed"), counted.value(of, "delivered")

    failed, delivered = counts()
    receiver.statuses = [503]
    ended(sessions, receiver.url)
    deliveries.deliver_due(sessions, settings)
    make_due(sessions)
    deliveries.deliver_due(sessions, settings)
    assert counts() == (failed + 1, delivered + 1)


def test_gone_receiver_gets_nothing_more(sessions: SessionFactory, settings: Settings, receiver: Receiver) -> None:
    receiver.statuses = [410]
    ended(sessions, receiver.url)
    ended(sessions, receiver.url)
    assert deliveries.deliver_due(sessions, settings) == DeliverySummary(1, 0)
    assert [one.status for one in all_deliveries(sessions)] == ["failed", "failed"]
    assert len(receiver.got) == 1


def test_public_url_stands_in_messages(sessions: SessionFactory, settings: Settings, receiver: Receiver) -> None:
    batch_id = ended(sessions, receiver.url)
    deliveries.deliver_due(sessions, settings.model_copy(update={"public_url": "https://faces.example.org"}))
    ((_, headers, body),) = receiver.got
    told = Webhook(SECRET).verify(body, headers)
    assert told["data"]["url"] == f"https://faces.example.org/api/v1/admin/batches/{batch_id}"


def test_redirect_is_not_followed(sessions: SessionFactory, settings: Settings, receiver: Receiver) -> None:
    receiver.statuses = [302]
    ended(sessions, receiver.url)
    deliveries.deliver_due(sessions, settings)
    assert [path for path, *_ in receiver.got] == ["/"]
    assert all_deliveries(sessions)[0].last_error == "the answer was 302; redirects are not followed"


def test_private_address_is_not_called(sessions: SessionFactory, receiver: Receiver) -> None:
    ended(sessions, receiver.url)
    ended(sessions, receiver.url.replace("127.0.0.1", "localhost"))
    assert deliveries.deliver_due(sessions, config.read(webhook_secret=SECRET)) == DeliverySummary(2, 0)
    assert receiver.got == []
    assert {one.last_error for one in all_deliveries(sessions)} == {"not called: it leads to a private address"}


def test_name_is_looked_up_once(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that was judged is the one that is called, whatever the name leads to by then."""
    looked: list[str] = []
    real = socket.getaddrinfo

    def look_up(host: str, *args: Any, **options: Any) -> Any:
        looked.append(host)
        return real("127.0.0.1" if host == "hooks.example.org" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    url = receiver.url.replace("127.0.0.1", "hooks.example.org")
    assert posts.post(WebhookMessage("msg_1", url, "{}", (SECRET,)), TRUSTED) == AttemptResult(204)
    assert looked.count("hooks.example.org") == 1
    assert receiver.got[0][1]["host"].startswith("hooks.example.org:")


def test_unsigned_is_never_sent(sessions: SessionFactory, receiver: Receiver) -> None:
    ended(sessions, receiver.url)
    assert deliveries.deliver_due(sessions, config.read(webhook_allow_private=True)) == DeliverySummary(1, 0)
    assert receiver.got == []


def test_unreachable_receiver_is_retried(sessions: SessionFactory, settings: Settings) -> None:
    ended(sessions, "http://127.0.0.1:9")
    deliveries.deliver_due(sessions, settings)
    (delivery,) = all_deliveries(sessions)
    assert (delivery.status, delivery.last_status) == ("pending", None)
    assert "can't be reached" in (delivery.last_error or "")


def test_silent_receiver_is_given_up(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posts, "READ_TIMEOUT_S", 0.3)
    given_up = threading.Event()
    receiver.before = lambda _: given_up.wait(30)  # then it would answer
    answer = posts.post(WebhookMessage("msg_1", receiver.url, "{}", (SECRET,)), TRUSTED)
    given_up.set()
    assert answer.status is None


@pytest.mark.parametrize(("begin", "drop"), [(b"", b"H"), (b"HTTP/1.1 200 OK\r\n", b"X: x\r\n")])
def test_dripping_receiver_is_given_up(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, begin: bytes, drop: bytes
) -> None:
    monkeypatch.setattr(posts, "TOTAL_TIMEOUT_S", 0.5)
    receiver.before, hung_up = dripping(begin, drop)
    answer = posts.post(WebhookMessage("msg_1", receiver.url, "{}", (SECRET,)), TRUSTED)
    assert answer == AttemptResult(None, "it took too long")
    assert hung_up.wait(30), "all of it was read"


@pytest.mark.parametrize("header", ["Content-Length: 4000", "Connection: close", "Transfer-Encoding: chunked"])
def test_body_of_an_answer_is_not_waited_for(receiver: Receiver, header: str) -> None:
    receiver.before, hung_up = dripping(f"HTTP/1.1 200 OK\r\n{header}\r\n\r\n".encode(), b"1\r\nx\r\n")
    assert posts.post(WebhookMessage("msg_1", receiver.url, "{}", (SECRET,)), TRUSTED) == AttemptResult(200)
    assert hung_up.wait(30), "all of it was read"


def dripping(begin: bytes, drop: bytes) -> tuple[Callable[[BaseHTTPRequestHandler], None], threading.Event]:
    """Return an answer that comes a little at a time, and what tells that somebody has hung up before its end."""
    hung_up = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        try:
            handler.wfile.write(begin)
            for _ in range(50):
                handler.wfile.write(drop)
                handler.wfile.flush()
                time.sleep(0.1)
        except OSError:
            hung_up.set()

    return drip, hung_up


def test_log_holds_no_url(receiver: Receiver) -> None:
    receiver.before = lambda handler: handler.wfile.write(b"HTTP/1.1 204 OK\r\nno header\r\n\r\n")
    program = f"""
from core.observability import logs
from core.webhooks import addresses, posts

logs.configure("info")
message = posts.WebhookMessage("msg_1", "{receiver.url}/of-this-channel", "{{}}", ("{SECRET}",))
print(posts.post(message, addresses.AddressPolicy(allow_private=True, ports=range(65536))).status)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert ran.stdout == "204\n"
    assert "of-this-channel" not in ran.stderr


@pytest.mark.parametrize("header", ["Content-Length: 1000000000", "Transfer-Encoding: chunked", "Connection: close"])
def test_endless_answer_is_not_read(receiver: Receiver, header: str) -> None:
    written: list[int] = []

    def flood(handler: BaseHTTPRequestHandler) -> None:
        # As a length of a piece: http.client reads on to the end for it.
        handler.wfile.write(f"HTTP/1.1 200 OK\r\n{header}\r\n\r\n-1\r\n".encode())
        try:
            while len(written) < 100:
                handler.wfile.write(bytes(2**20))
                written.append(1)
        except OSError:
            pass

    receiver.before = flood
    assert posts.post(WebhookMessage("msg_1", receiver.url, "{}", (SECRET,)), TRUSTED) == AttemptResult(200)
    time.sleep(0.3)
    assert len(written) < 50


def test_broken_message_stops_no_other(sessions: SessionFactory, settings: Settings, receiver: Receiver) -> None:
    for _ in range(2):
        ended(sessions, receiver.url)
    with sessions() as session:
        first = session.query(WebhookDelivery).order_by(WebhookDelivery.next_attempt_at).first()
        assert first is not None
        first.payload = "no JSON"
        session.commit()
    public = settings.model_copy(update={"public_url": "https://faces.test"})
    assert deliveries.deliver_due(sessions, public) == DeliverySummary(2, 1)
    assert {(row.status, row.last_error) for row in all_deliveries(sessions)} == {
        ("pending", deliveries.FAILED_HERE),
        ("delivered", None),
    }


def test_certificate_must_be_the_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server whose certificate no authority has signed gets nothing."""
    certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the refused handshake
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    real = addresses.resolve
    monkeypatch.setattr(addresses, "resolve", lambda target, _: ["127.0.0.1"])
    try:
        for trusted, host, taken in ((False, "hooks.test", 0), (True, "other.test", 0), (True, "hooks.test", 1)):
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate) if trusted else "/dev/null")
            url = f"https://{host}:{server.server_port}/"
            answer = posts.post(WebhookMessage("msg_1", url, "{}", (SECRET,)), TRUSTED)
            assert (answer.status == 204, len(got)) == (bool(taken), taken), answer
    finally:
        server.shutdown()
        server.server_close()
    assert real is not addresses.resolve


def make_certificate(folder: Path) -> Path:
    """Make a key and a certificate for hooks.test, signed by itself."""
    import datetime as clock

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.test")])
    moment = clock.datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "hooks.test.pem"
    pkcs8 = serialization.PrivateFormat.PKCS8
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


def test_taken_delivery_is_nobody_elses(postgres_sessions: SessionFactory, receiver: Receiver) -> None:
    ended(postgres_sessions, receiver.url)
    with postgres_sessions() as first, postgres_sessions() as second:
        assert deliveries._claim_next(first) is not None
        assert deliveries._claim_next(second) is None


def test_killed_delivery_is_repeated(
    session: Session, sessions: SessionFactory, settings: Settings, receiver: Receiver
) -> None:
    ended(sessions, receiver.url)
    assert deliveries._claim_next(session) is not None  # and then its process dies
    assert deliveries.deliver_due(sessions, settings) == DeliverySummary(0, 0)
    make_due(sessions)
    assert deliveries.deliver_due(sessions, settings) == DeliverySummary(1, 1)
