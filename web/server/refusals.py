"""What the server itself refuses, before the app sees it, in the shape of every other error."""

import json
import re
import uuid
from http import HTTPStatus

from core.errors import AddressTooLong, FaceApiError, HeadersTooLarge, InternalError, UnreadableRequest
from core.observability import metrics
from web import errors
from web.requests import REQUEST_ID

# By the status that gunicorn would answer; whatever else the client did wrong is a 400.
REFUSALS: dict[int, FaceApiError] = {
    400: UnreadableRequest("the request line or a header is not valid HTTP/1.1"),
    414: AddressTooLong("options belong into the query, pictures and texts into the body"),
    431: HeadersTooLarge("send fewer or shorter headers and cookies"),
    500: InternalError(),
}
HOST_MISSING = UnreadableRequest("HTTP/1.1 needs a Host header")
STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3})")


class AnswerRecorder:
    """Takes what gunicorn would write to a client's socket."""

    def __init__(self) -> None:
        self.written = b""

    def sendall(self, data: bytes) -> None:
        self.written += data

    def gettimeout(self) -> None:
        """A socket's, which gunicorn restores."""

    def setblocking(self, blocking: bool) -> None:
        """A socket's."""

    def settimeout(self, timeout: float | None) -> None:
        """A socket's."""

    def error(self) -> FaceApiError:
        """Return the error whose status gunicorn wrote."""
        line = STATUS_LINE.match(self.written)
        status = int(line[1]) if line else 500
        return REFUSALS.get(status) or REFUSALS[400]


def answer(error: FaceApiError) -> bytes:
    """Return a whole response that ends its connection."""
    request_id = str(uuid.uuid4())
    body = errors.body(error, request_id)
    metrics.count(metrics.REQUESTS, metrics.NOT_READ, metrics.OTHER, str(body["status"]), "none")
    metrics.count(metrics.ERRORS, error.code)
    content = json.dumps(body).encode()
    retry = f"Retry-After: {error.retry_after_s}\r\n" if error.retry_after_s else ""
    head = (
        f"HTTP/1.1 {body['status']} {HTTPStatus(body['status']).phrase}\r\nConnection: close\r\n"
        f"Content-Type: {errors.MEDIA_TYPE}\r\nContent-Length: {len(content)}\r\n"
        f"{REQUEST_ID}: {request_id}\r\n{retry}\r\n"
    )
    return head.encode() + content
