"""Requests: strict about their body, and no uploaded picture ever on a disk."""

import io
import ipaddress
import socket
import uuid
from typing import IO, Any

import flask
from flask import g, request
from werkzeug.datastructures import Authorization, ImmutableMultiDict

from core.contract import json_texts
from core.contract.json_texts import RepeatedMember
from core.errors import InvalidOption, UnreadableRequest
from core.errors.problems import FieldProblem
from core.observability import logs
from web.multipart import StrictFormParser

REQUEST_ID = "X-Request-Id"
EMPTY_FORM = len("--" + "--\r\n")  # of an empty form, beside its boundary
MAX_JSON_BYTES = 64 * 1024  # chosen: ten times what any body needs
NOT_A_FORM = "the body is no form: send the picture as a file of multipart/form-data, as curl -F image=@photo.jpg does"
NOT_AN_OBJECT = "This should be a JSON object"
PEEK = socket.MSG_PEEK | socket.MSG_DONTWAIT


class Parameters(ImmutableMultiDict[str, str]):
    """Parameters of which most are left out: werkzeug's way to see that is an exception with a page of its own."""

    def get(self, key: str, *default: Any, **options: Any) -> Any:
        """Return a value, or the default."""
        return super().get(key, *default, **options) if default or options or key in self else None


class Request(flask.Request):
    """A request whose upload stays in memory."""

    form_data_parser_class = StrictFormParser
    parameter_storage_class = Parameters

    @property
    def authorization(self) -> Authorization | None:
        """Return the credentials of the header; None also for those that are not in the form of their kind."""
        try:
            return super().authorization
        except ValueError:  # of characters beyond ASCII, which werkzeug takes to its decoder
            return None

    def _load_form_data(self) -> None:
        self._refuse_compression()
        try:
            super()._load_form_data()
        except UnicodeDecodeError as error:  # a picture that is sent as it is: clients say that this is a form of texts
            raise UnreadableRequest(NOT_A_FORM) from error
        except ValueError as error:
            raise UnreadableRequest(f"the body is not what its Content-Type says: {error}") from error
        boundary = self.mimetype_params.get("boundary", "")
        # werkzeug treats a body without the boundary as an empty form
        if boundary and not self.form and not self.files and (self.content_length or 0) > len(boundary) + EMPTY_FORM:
            raise UnreadableRequest("the boundary that Content-Type names is not in the body")

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Return the JSON object of the body; anything else is an error, even with `silent`."""
        if not self.is_json:
            raise UnreadableRequest("send JSON, with Content-Type: application/json")
        self._refuse_compression()
        self.max_content_length = MAX_JSON_BYTES
        try:
            body = json_texts.load(self.get_data(cache=cache))
        except RepeatedMember as error:
            raise InvalidOption.of([FieldProblem(error.name, str(error))]) from error
        except ValueError as error:
            raise UnreadableRequest("the body is not JSON") from error
        if not isinstance(body, dict):
            raise InvalidOption("the body should be a JSON object", problems=(FieldProblem("body", NOT_AN_OBJECT),))
        return body

    def _refuse_compression(self) -> None:
        coding = self.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            raise UnreadableRequest("the body is compressed (Content-Encoding): send it as it is")

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        """Return a buffer in memory, where werkzeug would take a temporary file for a large upload."""
        return io.BytesIO()


def assign_id() -> None:
    """Use the caller's request id when it is a UUID, else a new one; each line of the log names it from now on."""
    given = request.headers.get(REQUEST_ID, "")
    request_id = given if given and _is_uuid(given) else str(uuid.uuid4())
    g.request_id = request_id
    logs.bind_request(request_id)


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def client_address() -> str:
    """Return what limits count by: the address; for IPv6 the /64 network, all of which one customer has."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return request.remote_addr or "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def caller_has_gone() -> bool:
    """Whether the client has disconnected: then its socket is readable and at its end.

    ServiceStopping when this process is to end, and can wait no longer.
    """
    g.ending.check()
    connection = request.environ.get("gunicorn.socket")
    if connection is None:
        return False
    try:
        return bool(connection.recv(1, PEEK) == b"")
    except BlockingIOError:
        return False
    except OSError:
        return True
