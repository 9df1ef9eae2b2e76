"""What the service makes of a request: strict about its body, and nothing of a picture on a disk."""

import io
import json
import socket
import uuid
from typing import IO, Any

import flask
from flask import g, request
from werkzeug.formparser import FormDataParser

from core.errors import FieldProblem, InvalidOption, UnreadableRequest

REQUEST_ID = "X-Request-Id"
ONLY_CLOSED = len("--" + "--\r\n")  # what an empty form holds beside its boundary
MAX_JSON_BYTES = 64 * 1024  # chosen: ten times what any body here needs
NO_OBJECT = "This should be a JSON object"
PEEK = socket.MSG_PEEK | socket.MSG_DONTWAIT


class StrictFormParser(FormDataParser):
    """Raises on a body that can't be read, which werkzeug would take for an empty one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "silent": False})


class Request(flask.Request):
    """A request whose upload stays in memory."""

    form_data_parser_class = StrictFormParser

    def _load_form_data(self) -> None:
        try:
            super()._load_form_data()
        except ValueError as error:
            raise UnreadableRequest(f"the body is not what its Content-Type says: {error}") from error
        boundary = self.mimetype_params.get("boundary", "")
        # werkzeug takes a body in which the boundary never comes for an empty form
        if boundary and not self.form and not self.files and (self.content_length or 0) > len(boundary) + ONLY_CLOSED:
            raise UnreadableRequest("the boundary that Content-Type names is not in the body")

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Return the JSON object of the body; what isn't one is refused, also when the caller wouldn't mind."""
        if not self.is_json:
            raise UnreadableRequest("send JSON, with Content-Type: application/json")
        self.max_content_length = MAX_JSON_BYTES
        try:
            sent = json.loads(self.get_data(cache=cache))
        except (ValueError, RecursionError) as error:
            raise UnreadableRequest("the body is not JSON") from error
        if not isinstance(sent, dict):
            raise InvalidOption("the body should be a JSON object", problems=(FieldProblem("body", NO_OBJECT),))
        return sent

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        """Where werkzeug would write a large upload to a temporary file."""
        return io.BytesIO()


def choose_id() -> None:
    """Keep the caller's request id when it is a UUID, else make one."""
    try:
        told = request.headers.get(REQUEST_ID, "")
        g.request_id = told if str(uuid.UUID(told)) == told.lower() else str(uuid.uuid4())
    except ValueError:
        g.request_id = str(uuid.uuid4())


def caller_has_gone() -> bool:
    """Tell whether the client has hung up: then its socket is readable and at its end."""
    connection = request.environ.get("gunicorn.socket")
    if connection is None:
        return False
    try:
        return bool(connection.recv(1, PEEK) == b"")
    except BlockingIOError:
        return False
    except OSError:
        return True
