"""One attempt to send a webhook: signed as Standard Webhooks specifies, to an address that was checked."""

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
from core.webhooks.addresses import AddressPolicy, ForbiddenAddress, WebhookTarget

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5.0, 10.0
TOTAL_TIMEOUT_S = 20.0  # a receiver that sends a byte now and then never meets the read timeout
MAX_ADDRESSES = 3
SECRET_PREFIX = "whsec_"  # noqa: S105  # what every secret begins with
USER_AGENT = "face-api-webhook"


@dataclass(frozen=True)
class WebhookMessage:
    """One webhook. id: the same at each attempt; secrets: each `whsec_` and base64."""

    id: str
    url: str
    body: str
    secrets: tuple[str, ...]


@dataclass(frozen=True)
class AttemptResult:
    """The result of an attempt. status: None when there was no response; error: '' when it was delivered."""

    status: int | None
    error: str = ""


def sign(message: WebhookMessage, timestamp: int) -> str:
    """Return the header webhook-signature, by each secret (Standard Webhooks 1.0: HMAC-SHA256 over id, time, body)."""
    signed = f"{message.id}.{timestamp}.{message.body}".encode()
    keys = [base64.b64decode(secret.removeprefix(SECRET_PREFIX)) for secret in message.secrets]
    digests = [hmac.new(key, signed, hashlib.sha256).digest() for key in keys]
    return " ".join("v1," + base64.b64encode(digest).decode() for digest in digests)


def post(message: WebhookMessage, policy: AddressPolicy) -> AttemptResult:
    """Send a webhook once. No redirect is followed, no proxy used, and only the head of the response read."""
    try:
        target = addresses.parse(message.url, policy)
        resolved = addresses.resolve(target, policy)
    except ForbiddenAddress as error:
        return AttemptResult(None, f"not called: {error}")
    except OSError as error:
        return AttemptResult(None, f"the host is not found: {error.strerror}")
    result = AttemptResult(None)
    for address in resolved[:MAX_ADDRESSES]:
        result = _send(target, address, message)
        if result.status is not None:
            break
    return result


def _send(target: WebhookTarget, address: str, message: WebhookMessage) -> AttemptResult:
    connection = _connection(target, address)
    timed_out = threading.Event()

    def hang_up() -> None:
        timed_out.set()
        if connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(TOTAL_TIMEOUT_S, hang_up)
    timer.daemon = True
    timer.start()
    try:
        result = _exchange(connection, target, message)
    except (HTTPError, HTTPException, CertificateError, OSError, ValueError) as error:
        result = AttemptResult(None, f"it can't be reached: {type(error).__name__}")
    finally:
        timer.cancel()
        connection.close()
    # An answer that was cut off here may look like one that has ended.
    return AttemptResult(None, "it took too long") if timed_out.is_set() else result


def _connection(target: WebhookTarget, address: str) -> HTTPConnection:
    """Make a connection to the address itself; the certificate must still be the host's."""
    if target.scheme == "http":
        return HTTPConnection(address, target.port, timeout=CONNECT_TIMEOUT_S)
    return HTTPSConnection(
        address,
        target.port,
        timeout=CONNECT_TIMEOUT_S,
        server_hostname=target.host,
        assert_hostname=target.host,
        cert_reqs="CERT_REQUIRED",
    )


def _exchange(connection: HTTPConnection, target: WebhookTarget, message: WebhookMessage) -> AttemptResult:
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
    connection.timeout = READ_TIMEOUT_S
    connection.request("POST", target.path, body=message.body.encode(), headers=headers, preload_content=False)
    response = connection.getresponse()  # its head alone: what follows has no limit that a receiver has to keep to
    if 200 <= response.status < 300:
        return AttemptResult(response.status)
    redirected = "; redirects are not followed" if 300 <= response.status < 400 else ""
    return AttemptResult(response.status, f"the answer was {response.status}{redirected}")
