"""The requests that the contract's tests send, and the one shape that every refusal must have."""

import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import requests

from tests.stack import Stack

Starter = Callable[..., Stack]

WEB_ALONE = ("serve",)  # the programs of a stack that is asked for nothing that a worker does
WEB_AND_WORKER = ("serve", "worker")  # what calls need; maintenance and its clock cost two seconds of CPU

DETECT = "/api/v1/detect"
MASK = "/api/v1/mask"
PATHS = (DETECT, MASK)
TIMEOUT_S = 180  # chosen: more than what any service of the tests may take before it answers 504

_CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
_INTERNALS = re.compile(
    r"Traceback|File \"|\.py\b|site-packages|redis://|sqlite|postgres|celery|werkzeug|pydantic|0x[0-9a-f]{6,}",
    re.IGNORECASE,
)


def post(service: Stack, path: str, *, key: str | None = None, **options: Any) -> requests.Response:
    """POST with the stack's own key, or with this one; an empty one sends none."""
    headers = dict(options.pop("headers", {}))
    text = service.key if key is None else key
    if text:
        headers.setdefault("X-API-Key", text)
    timeout = options.pop("timeout", TIMEOUT_S)
    return requests.post(service.url + path, headers=headers, timeout=timeout, **options)


def upload(service: Stack, path: str, file: bytes, query: Mapping[str, Any] | None = None) -> requests.Response:
    """POST a picture as a browser would."""
    return post(service, path, files={"image": ("photo", file, "application/octet-stream")}, params=query)


def detect(service: Stack, file: bytes, **query: Any) -> requests.Response:
    """Upload to /detect whatever comes of it."""
    return upload(service, DETECT, file, query)


def mask(service: Stack, file: bytes, **query: Any) -> requests.Response:
    """Upload to /mask whatever comes of it."""
    return upload(service, MASK, file, query)


def detected(service: Stack, file: bytes, **query: Any) -> dict[str, Any]:
    """The body of a successful /detect."""
    response = detect(service, file, **query)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def masked(service: Stack, file: bytes, **query: Any) -> requests.Response:
    """A successful /mask."""
    response = mask(service, file, **query)
    assert response.status_code == 200, response.text
    return response


def multipart(file: bytes, name: str = "image", boundary: str = "frontier") -> tuple[bytes, dict[str, str]]:
    """A multipart body with one file, and the header that goes with it."""
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    body = head.encode() + file + f"\r\n--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def in_pieces(body: bytes, size: int = 64 * 1024) -> Iterator[bytes]:
    """The body piece by piece, so that the client sends it chunked, without a length."""
    for at in range(0, len(body), size):
        yield body[at : at + size]


def is_uuid(text: object) -> bool:
    """Whether this is a UUID's canonical text."""
    try:
        return isinstance(text, str) and str(uuid.UUID(text)) == text
    except ValueError:
        return False


def assert_problem(response: requests.Response, status: int | Iterable[int]) -> dict[str, Any]:
    """Check the one shape of every error, and give its body."""
    allowed = {status} if isinstance(status, int) else set(status)
    assert response.status_code in allowed, (response.status_code, response.text[:500])
    assert response.headers["Content-Type"].split(";")[0] == "application/problem+json"
    body: dict[str, Any] = json.loads(response.content)
    expected = {"type", "title", "status", "detail", "code", "request_id"}
    assert set(body) == expected | ({"errors"} if response.status_code == 422 else set())
    assert isinstance(body["type"], str) and body["type"]
    assert isinstance(body["title"], str) and body["title"]
    assert type(body["status"]) is int and body["status"] == response.status_code
    assert isinstance(body["detail"], str) and body["detail"]
    assert isinstance(body["code"], str) and _CODE.match(body["code"])
    assert is_uuid(body["request_id"]) and body["request_id"] == response.headers["X-Request-Id"]
    if response.status_code == 422:
        assert isinstance(body["errors"], list) and body["errors"]
        for error in body["errors"]:
            assert set(error) == {"field", "message"}
            assert isinstance(error["field"], str) and isinstance(error["message"], str) and error["message"]
    assert not _INTERNALS.search(response.text), response.text
    return body


def fields(problem: Mapping[str, Any]) -> set[str]:
    """Names of the fields that a 422 complains about."""
    return {error["field"] for error in problem["errors"]}
