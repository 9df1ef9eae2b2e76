"""Forms: what werkzeug's own parser makes of them, whatever they hold, and one file without its copies."""

import io
import itertools
from collections.abc import Iterable
from typing import Any

import flask
import pytest
from werkzeug.datastructures import Headers
from werkzeug.formparser import FormDataParser
from werkzeug.wsgi import LimitedStream

from core.errors import InvalidOption
from web import multipart
from web.forms import TolerantFormParser
from web.multipart import StrictFormParser
from web.requests import Request

FILE = b'Content-Disposition: form-data; name="image"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n'
TEXT = b'Content-Disposition: form-data; name="filename"\r\n'
CONTENT = b"\xff\xd8\r\n--\r\n\r\n--other\r\n\0" * 9


def form(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end


def odd_heads() -> Iterable[bytes]:
    """Heads of parts with line breaks, boundaries and headers that parsers read in different ways."""
    pieces = (FILE, TEXT, b"\r\n", b"\n\n", b"\r\r", b"--b\r\n", b"\r\n--b--\r\n", b"X: 1\r\n")
    return (b"".join(chosen) for chosen in itertools.product(pieces, repeat=3))


BODIES = [
    form(FILE + b"\r\n" + CONTENT),
    form(FILE + b"\r\n" + CONTENT, end=b"--b--"),
    form(FILE + b"\r\n" + CONTENT, end=b"--b-- \r\n"),
    form(FILE + b"\r\n" + CONTENT, end=b"--b--\r\nepilogue"),
    form(FILE + b"\r\n" + CONTENT, end=b""),
    form(FILE + b"\r\n" + CONTENT)[:-20],
    form(FILE + b"\r\n"),
    form(FILE + b"\r\n")[:-9] + b"--b--\r\n",
    form(FILE + b"\r\n" + b"not a --b-- boundary"),
    form(FILE + b"\r\n" + b"a boundary:\r\n--b--\r\n trailing"),
    form(FILE + b"\r\n" + CONTENT, FILE + b"\r\n" + CONTENT),
    form(FILE + b"\r\n" + CONTENT, FILE.replace(b"image", b"other") + b"\r\n" + CONTENT),
    form(FILE + b"\r\n" + CONTENT, TEXT + b"\r\n1"),
    form(TEXT + b"\r\n" + CONTENT),
    form(TEXT + b"\r\n" + bytes(150_000)),
    form(FILE + b"\r\n" + bytes(150_000)),
    form(b"\r\n" + CONTENT),
    form(b"Content-Type: image/jpeg\r\n\r\n" + CONTENT),
    form(FILE + b"X: " + b"1" * 5000 + b"\r\n\r\n" + CONTENT),
    b"preamble\r\n" + form(FILE + b"\r\n" + CONTENT),
    form(FILE + b"\r\n" + CONTENT).replace(b"\r\n", b"\n"),
    form(),
    b"",
    b"--b",
    *(form(head + b"\r\n" + CONTENT) for head in odd_heads()),
]


def parsed(parser: type[FormDataParser], body: bytes, boundary: str = "b", limits: dict[str, Any] | None = None) -> Any:
    """Return what a parser reads from a body, or the error that it raises."""
    made = parser(stream_factory=lambda *_, **__: io.BytesIO(), silent=False, **(limits or {}))
    stream: Any = LimitedStream(io.BytesIO(body), len(body))
    try:
        _, form, files = made.parse(stream, "multipart/form-data", len(body), {"boundary": boundary})
    except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
        return type(error), str(error)
    read = [(name, file.filename, Headers(file.headers), file.read()) for name, file in files.items(multi=True)]
    return list(form.items(multi=True)), read


def read_or_not(parser: type[FormDataParser], body: bytes, limits: dict[str, Any]) -> Any:
    """Return what a parser reads, or None: why it reads nothing is worded otherwise here."""
    read = parsed(parser, body, limits=limits)
    return None if isinstance(read[0], type) else read


def test_endless_headers_of_a_part_are_refused() -> None:
    """Each line takes thirty times its bytes, and a form may have a thousand parts."""
    head = FILE + b"X: 1\r\n" * 2000
    assert parsed(StrictFormParser, form(head + b"\r\n" + CONTENT)) == (
        ValueError,
        "the headers of a part are too long",
    )


@pytest.mark.parametrize("limits", [{}, {"max_form_parts": 1}, {"max_form_memory_size": 100_000}], ids=str)
def test_every_form_is_read_as_by_werkzeug(limits: dict[str, int]) -> None:
    differing = [
        body
        for body in BODIES
        if parsed(StrictFormParser, body, limits=limits) != parsed(TolerantFormParser, body, limits=limits)
        or read_or_not(StrictFormParser, body, limits) != read_or_not(FormDataParser, body, limits)
    ]
    assert not differing


@pytest.mark.parametrize("boundary", ["x", "é"])
def test_wrong_boundary_is_read_as_by_werkzeug(boundary: str) -> None:
    body = form(FILE + b"\r\n" + CONTENT)
    assert parsed(StrictFormParser, body, boundary) == parsed(FormDataParser, body, boundary)


def test_missing_boundary_is_refused() -> None:
    kind, words = parsed(StrictFormParser, form(FILE + b"\r\n" + CONTENT), "")
    assert kind is ValueError and "names no boundary" in words


@pytest.mark.parametrize("others", [b"", TEXT + b"\r\n1"])
@pytest.mark.parametrize(
    ("name", "read"),
    [
        (b"\xbb\xe7\xc1\xf8.jpg", "사진.jpg"),
        ("사진.jpg".encode(), "사진.jpg"),
        (b"caf\xe9.jpg", "café.jpg"),
        (b"\xff\x81.jpg", "ÿ\ufffd.jpg"),
    ],
)
def test_name_is_read_as_well_as_can_be(name: bytes, read: str, others: bytes) -> None:
    parts = [part for part in (FILE.replace(b"a.jpg", name) + b"\r\n" + CONTENT, others) if part]
    _, ((field, filename, _, content),) = parsed(StrictFormParser, form(*parts))
    assert (field, filename, content) == ("image", read, CONTENT)


def test_picture_needs_no_file_name() -> None:
    head = FILE.replace(b'; filename="a.jpg"', b"") + b"\r\n"
    for kind in (b"image/jpeg", b"application/octet-stream", b"Image/X-Anything"):
        texts, ((field, filename, _, content),) = parsed(
            StrictFormParser, form(head.replace(b"image/jpeg", kind) + CONTENT)
        )
        assert (texts, field, filename, content) == ([], "image", "", CONTENT)
    for other in (head.replace(b"image/jpeg", b"text/plain"), head.replace(b'"image"', b'"caption"')):
        texts, files = parsed(StrictFormParser, form(other + b"abc"))
        assert [text for _, text in texts] == ["abc"] and files == []


def test_part_without_name_is_refused() -> None:
    for options in (b'; filename="a.jpg"', b'; name=""'):
        kind, words = parsed(StrictFormParser, form(b"Content-Disposition: form-data" + options + b"\r\n\r\n1"))
        assert kind is InvalidOption and "has no name" in words


def test_usual_form_is_split_around_its_file() -> None:
    assert multipart.split_file(bytearray(form(FILE + b"\r\n" + CONTENT)), b"b") == (FILE + b"\r\n", CONTENT)


def test_file_is_read_without_a_copy() -> None:
    body = form(FILE + b"\r\n" + CONTENT)
    environ = {"wsgi.input": io.BytesIO(body), "CONTENT_TYPE": "multipart/form-data; boundary=b"}
    with flask.Flask(__name__).request_context(
        environ
        | {
            "CONTENT_LENGTH": str(len(body)),
            "REQUEST_METHOD": "POST",
            "SERVER_NAME": "x",
            "SERVER_PORT": "1",
            "wsgi.url_scheme": "http",
        }
    ) as context:
        file = Request(context.request.environ).files["image"]
        stream = file.stream
        assert isinstance(stream, io.BytesIO)
        assert file.read() is stream.getvalue()


def test_large_body_is_read_piece_by_piece() -> None:
    """It would be in memory twice."""
    body = form(FILE + b"\r\n" + bytes(multipart.MAX_BODY_BYTES))
    sizes = []

    class Source(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            sizes.append(size or -1)
            return super().read(size)

    parser = StrictFormParser(stream_factory=lambda *_, **__: io.BytesIO())
    _, _, files = parser.parse(Source(body), "multipart/form-data", len(body), {"boundary": "b"})
    assert len(files["image"].read()) == multipart.MAX_BODY_BYTES
    assert 0 < max(sizes) < 2**20


def test_client_that_stops_is_disconnected() -> None:
    body = form(FILE + b"\r\n" + CONTENT)
    made = StrictFormParser(stream_factory=lambda *_, **__: io.BytesIO())
    stream: Any = LimitedStream(io.BytesIO(body[:-30]), len(body))
    with pytest.raises(Exception, match="400"):
        made.parse(stream, "multipart/form-data", len(body), {"boundary": "b"})
