"""Forms as people send them: read where nothing is missing, refused in words that help where something is."""

import base64
import gzip
import json
import socket
from urllib.parse import urlsplit

import pytest

from tests.contract import pictures
from tests.contract.calls import DETECT, MASK, PATHS, assert_problem, fields, multipart, post, upload
from tests.stack import Stack

HEADERS = {"Content-Type": "multipart/form-data; boundary=frontier"}
PHOTO = pictures.portrait()


def form(head: bytes, content: bytes = PHOTO) -> bytes:
    """A form of one part with these headers."""
    return b"--frontier\r\n" + head + b"\r\n\r\n" + content + b"\r\n--frontier--\r\n"


def disposition(options: bytes) -> bytes:
    return b"Content-Disposition: form-data; " + options


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "name", [b"\xbb\xe7\xc1\xf8.jpg", b"caf\xe9.jpg", b"\xff\xfe\x81.jpg", "사진.jpg".encode(), b"\x80\x81"]
)
def test_name_in_any_bytes_is_read(service: Stack, path: str, name: bytes) -> None:
    body = form(disposition(b'name="image"; filename="' + name + b'"\r\nContent-Type: image/jpeg'))
    response = post(service, path, data=body, headers=HEADERS)
    assert response.status_code == 200
    if path == DETECT:
        assert response.json()["summary"]["face_count"] == 1


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", ["image/jpeg", "IMAGE/PNG", "application/octet-stream", "image/jpeg; charset=binary"])
def test_picture_without_file_name_is_read(service: Stack, path: str, kind: str) -> None:
    body = form(disposition(b'name="image"\r\nContent-Type: ' + kind.encode()))
    assert post(service, path, data=body, headers=HEADERS).status_code == 200


def test_text_is_no_picture(service: Stack) -> None:
    for content in (b"hello", base64.b64encode(PHOTO), b"A" * 600_000):
        for head in (b'name="image"', b'name="image"\r\nContent-Type: text/plain'):
            response = post(service, MASK, data=form(disposition(head), content), headers=HEADERS)
            problem = assert_problem(response, 422)
            assert fields(problem) == {"image"} and "as a file" in problem["detail"]


def test_part_without_name_is_called_so(service: Stack) -> None:
    for head in (b'filename="photo.jpg"\r\nContent-Type: image/jpeg', b'name=""; filename="photo.jpg"'):
        problem = assert_problem(post(service, MASK, data=form(disposition(head)), headers=HEADERS), 422)
        assert "has no name" in problem["detail"] and "None" not in str(problem)


@pytest.mark.parametrize("path", PATHS)
def test_missing_boundary_is_called_so(service: Stack, path: str) -> None:
    body, _ = multipart(PHOTO)
    response = post(service, path, data=body, headers={"Content-Type": "multipart/form-data"})
    assert "names no boundary" in assert_problem(response, 400)["detail"]


def test_compressed_body_is_called_so(service: Stack) -> None:
    body, headers = multipart(PHOTO)
    for coding in ("gzip", "br", "deflate"):
        response = post(service, MASK, data=gzip.compress(body), headers={**headers, "Content-Encoding": coding})
        assert "compressed" in assert_problem(response, 400)["detail"]
    assert post(service, MASK, data=body, headers={**headers, "Content-Encoding": "identity"}).status_code == 200


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (base64.b64encode(PHOTO), "base64"),
        (b"data:image/jpeg;base64," + base64.b64encode(PHOTO), "data: URL"),
        (gzip.compress(PHOTO), "gzip"),
        (b"II+\0\x08\0\0\0" + bytes(200), "BigTIFF"),
        (b"IIU\0" + bytes(200), "raw photographs"),
    ],
)
def test_strange_file_is_called_by_its_name(service: Stack, content: bytes, word: str) -> None:
    assert word in assert_problem(upload(service, MASK, content), 415)["detail"]


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "image/jpeg", "text/plain"])
def test_other_body_is_told_how(service: Stack, kind: str) -> None:
    """However long it is: a picture as base64 in a form's text is far longer than a text may be."""
    for content in (b"data:image/jpeg;base64," + base64.b64encode(PHOTO), b"image=" + b"A" * 700_000):
        problem = assert_problem(post(service, MASK, data=content, headers={"Content-Type": kind}), (413, 422))
        assert "multipart/form-data" in problem["detail"]


def test_picture_as_it_is_is_told_how(service: Stack) -> None:
    """As curl --data-binary sends it: called a form of texts."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    problem = assert_problem(post(service, MASK, data=PHOTO, headers=kind), 400)
    assert problem["detail"].endswith("as a file of multipart/form-data, as curl -F image=@photo.jpg does")


def test_address_of_a_picture_is_told_how(service: Stack) -> None:
    problem = assert_problem(post(service, MASK, files={"image": (None, "https://example.org/a.jpg")}), 422)
    assert "as curl -F image=@photo.jpg does, and no text such as its address" in problem["detail"]


def raw_answer(service: Stack, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes and read to the end: (status, headers in small letters, body)."""
    address = urlsplit(service.url)
    with socket.create_connection((address.hostname or "", address.port or 80), timeout=30) as connection:
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}, body


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"GARBAGE\r\n\r\n", 400, "unreadable_request"),
        (b"GET /health HTTP/9.9\r\nHost: a\r\n\r\n", 400, "unreadable_request"),
        (b"GET /health HTTP/1.1\r\nBad Header: x\r\nHost: a\r\n\r\n", 400, "unreadable_request"),
        (b"GET /health HTTP/1.1\r\n\r\n", 400, "unreadable_request"),
        (b"POST /api/v1/mask HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: rot13\r\n\r\n", 400, "unreadable_request"),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "address_too_long"),
        (b"GET /health HTTP/1.1\r\nHost: a\r\nX-A: " + b"b" * 90_000 + b"\r\n\r\n", 431, "headers_too_large"),
    ],
    ids=["garbage", "version", "header", "host", "coding", "address", "headers"],
)
def test_errors_before_the_app_have_the_shape(service: Stack, request_bytes: bytes, status: int, code: str) -> None:
    answered, headers, body = raw_answer(service, request_bytes)
    assert (answered, headers["content-type"]) == (status, "application/problem+json")
    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (status, code) and isinstance(problem["detail"], str)
    assert problem["request_id"] == headers["x-request-id"] and int(headers["content-length"]) == len(body)
    assert b"html" not in body and b"GARBAGE" not in body


BASIC = "Authorization: Basic " + base64.b64encode(b"admin:correct horse").decode() + "\r\n"
BODIES_IN_CHUNKS = {
    MASK: "Content-Type: multipart/form-data; boundary=frontier\r\n",
    "/api/v1/admin/batches": f"{BASIC}Content-Type: application/json\r\n",
    "/api/v1/admin/auth/login": "Content-Type: application/json\r\n",
    "/api/v1/videos": f"{BASIC}Content-Type: multipart/form-data; boundary=frontier\r\n",
}
BROKEN_CHUNKS = {
    "size": "ZZ\r\nabc\r\n",
    "end": "2\r\n{}xyz\r\n0\r\n\r\n",
    "negative": "-1\r\n\r\n",
    "extension": "2;a\nb\r\n{}\r\n0\r\n\r\n",
    "trailer": "2\r\n{}\r\n0\r\nContent-Length: 5\r\n\r\n",
    "folded trailer": "2\r\n{}\r\n0\r\nX-Sum: 5\r\n 6\r\n\r\n",
    "large trailers": "2\r\n{}\r\n0\r\n" + "X-Sum: 5\r\n" * 100_000,
}


@pytest.mark.parametrize("path", BODIES_IN_CHUNKS)
@pytest.mark.parametrize("chunks", BROKEN_CHUNKS.values(), ids=BROKEN_CHUNKS)
def test_broken_chunks_are_400(service: Stack, path: str, chunks: str) -> None:
    """Whatever reads the body: a form in memory, JSON, or a video on its way to the store."""
    key = f"X-API-Key: {service.key}\r\n" if path == MASK else ""
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\n{key}Connection: close\r\nTransfer-Encoding: chunked\r\n"
    answered, headers, body = raw_answer(service, (head + BODIES_IN_CHUNKS[path] + "\r\n" + chunks).encode())
    assert (answered, headers["content-type"]) == (400, "application/problem+json")
    assert json.loads(body)["code"] == "unreadable_request"


@pytest.mark.parametrize("header", ["Basic \xff\xfe", "Basic \xb2", "Basic =", "Basic", "Bearer \xff", "\xff"])
def test_credentials_of_any_bytes_are_401(service: Stack, header: str) -> None:
    head = f"GET /api/v1/admin/images HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: {header}\r\n\r\n"
    answered, headers, body = raw_answer(service, head.encode("latin-1"))
    assert (answered, json.loads(body)["code"]) == (401, "unauthenticated") and "www-authenticate" in headers
