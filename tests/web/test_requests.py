"""Requests: whom limits count by, what they are called, what was left out of them, and how long a form may be."""

import uuid

import flask
import pytest
from werkzeug.test import EnvironBuilder

from core.errors import NoImage
from web.forms import MAX_TEXTS_BYTES
from web.requests import REQUEST_ID, Request, assign_id, client_address

TEXTS = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("", "unknown"),
    ],
)
def test_limits_count_by_network(address: str, counted: str) -> None:
    with flask.Flask(__name__).test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert client_address() == counted


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", (None, "else", None, 5)),
        ("a=1&a=2", ("1", "1", 1, 1)),
        ("a=x", ("x", "x", None, 5)),
        ("a", ("", "", None, 5)),
    ],
)
def test_parameters_are_found_or_default(query: str, found: tuple[object, ...]) -> None:
    args = Request(EnvironBuilder(query_string=query).get_environ()).args
    assert (args.get("a"), args.get("a", "else"), args.get("a", type=int), args.get("a", 5, int)) == found


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("7d9f7c4e-2f7a-4c55-9d3e-0d0f6a1f9b11", True),
        ("7D9F7C4E-2F7A-4C55-9D3E-0D0F6A1F9B11", True),
        ("7d9f7c4e2f7a4c559d3e0d0f6a1f9b11", False),
        ("mine", False),
        ("", False),
    ],
)
def test_request_id_is_callers_where_it_is_a_uuid(given: str, kept: bool) -> None:
    with flask.Flask(__name__).test_request_context(headers={REQUEST_ID: given} if given else {}):
        assign_id()
        assert (flask.g.request_id == given) == kept
        assert uuid.UUID(flask.g.request_id)


def test_long_form_of_texts_is_not_taken_apart() -> None:
    app = flask.Flask(__name__)
    app.request_class = Request
    with app.test_request_context(method="POST", data=b"a&" * (MAX_TEXTS_BYTES // 2), content_type=TEXTS):
        assert len(flask.request.form.getlist("a")) == MAX_TEXTS_BYTES // 2
    with app.test_request_context(method="POST", data=b"a&" * MAX_TEXTS_BYTES, content_type=TEXTS):
        with pytest.raises(NoImage):
            _ = flask.request.form
        assert flask.request.environ["wsgi.input"].read(1), "all of it was read"
