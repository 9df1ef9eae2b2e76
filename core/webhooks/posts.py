"""One attempt to tell a receiver something: signed as Standard Webhooks wants it, to an address that was judged."""

import base64
import hashlib
import hmac
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util.ssl_match_hostname import CertificateError

from core.webhooks import addresses
from core.webhooks.addresses import ForbiddenAddress, WebhookTarget

CONNECT_S, SILENCE_S = 5.0, 10.0
WHOLE_S = 20.0  # a receiver that sends a byte now and then is never silent
ANSWER_BYTES = 4096  # of it nothing is kept
TRIED_ADDRESSES = 3
SECRET_PREFIX = "whsec_"  # noqa: S105  # what every secret begins with
USER_AGENT = "face-api-webhook"


@dataclass(frozen=True)
class WebhookMessage:
    """What is told. id: the same at each attempt; secret: `whsec_` and base64."""

    id: str
    url: str
    body: str
    secret: str


@dataclass(frozen=True)
class AttemptResult:
    """What came of an attempt. status: None when there was no answer; error: '' when the receiver took it."""

    status: int | None
    error: str = ""


def sign(message: WebhookMessage, timestamp: int) -> str:
    """Return the header webhook-signature (Standard Webhooks 1.0: HMAC-SHA256 over id, time and body)."""
    key = base64.b64decode(message.secret.removeprefix(SECRET_PREFIX))
    signed = f"{message.id}.{timestamp}.{message.body}".encode()
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def post(message: WebhookMessage, *, allow_private: bool) -> AttemptResult:
    """Send it, once. No redirect is followed, no proxy asked, and little of the answer read."""
    try:
        target = addresses.parse(message.url, allow_private=allow_private)
        found = addresses.resolve(target, allow_private=allow_private)
    except ForbiddenAddress as error:
        return AttemptResult(None, f"not called: {error}")
    except OSError as error:
        return AttemptResult(None, f"the host is not found: {error.strerror}")
    answer = AttemptResult(None)
    for address in found[:TRIED_ADDRESSES]:
        answer = _sent(target, address, message)
        if answer.status is not None:
            break
    return answer


def _sent(target: WebhookTarget, address: str, message: WebhookMessage) -> AttemptResult:
    connection = _connection(target, address)
    late = threading.Event()

    def hang_up() -> None:
        late.set()
        if connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    watch = threading.Timer(WHOLE_S, hang_up)
    watch.daemon = True
    watch.start()
    try:
        return _exchanged(connection, target, message)
    except (HTTPError, HTTPException, CertificateError, OSError) as error:
        return AttemptResult(
            None, "it took too long" if late.is_set() else f"it can't be reached: {type(error).__name__}"
        )
    finally:
        watch.cancel()
        connection.close()


def _connection(target: WebhookTarget, address: str) -> HTTPConnection:
    """Prepare a connection to the address itself; the certificate must be the host's all the same."""
    if target.scheme == "http":
        return HTTPConnection(address, target.port, timeout=CONNECT_S)
    return HTTPSConnection(
        address,
        target.port,
        timeout=CONNECT_S,
        server_hostname=target.host,
        assert_hostname=target.host,
        cert_reqs="CERT_REQUIRED",
    )


def _exchanged(connection: HTTPConnection, target: WebhookTarget, message: WebhookMessage) -> AttemptResult:
    timestamp = int(time.time())
    headers = {
        "Host": target.authority,
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": message.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(message, timestamp),
    }
    connection.connect()
    connection.timeout = SILENCE_S
    connection.request("POST", target.path, body=message.body.encode(), headers=headers, preload_content=False)
    answer = connection.getresponse()
    answer.read(ANSWER_BYTES)
    if 200 <= answer.status < 300:
        return AttemptResult(answer.status)
    redirected = "; redirects are not followed" if 300 <= answer.status < 400 else ""
    return AttemptResult(answer.status, f"the answer was {answer.status}{redirected}")
