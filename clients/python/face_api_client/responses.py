"""Bodies as results: dataclasses, checked where they come in; what a newer service says besides is left out."""

import base64
import dataclasses
import functools
import re
import types
import typing
from datetime import datetime
from typing import Any, TypeVar

import httpx

from face_api_client.batches import Page
from face_api_client.errors import AccessRefused, ApiError, FieldProblem, Rejected, Unavailable

T = TypeVar("T")
ACCESS_STATUSES = {401, 403}
RETRIED_STATUSES = {429, 502, 503, 504}
NOT_THE_SERVICE = "not_the_service"


def decode(kind: type[T], response: httpx.Response) -> T:
    """Return a response's JSON as a dataclass; Rejected for any other shape."""
    try:
        return build(kind, response.json())
    except (ValueError, TypeError) as error:
        raise not_the_service(response.status_code) from error


def decode_page(kind: type[T], response: httpx.Response) -> Page[T]:
    """Return one page of a list of dataclasses; Rejected for any other shape."""
    try:
        body = response.json()
        items = tuple(build(kind, item) for item in body["items"])
        return Page(items, int(body.get("total", len(items))), int(body.get("page", 1)), int(body.get("pages", 1)))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise not_the_service(response.status_code) from error


def build(kind: type[T], value: Any) -> T:
    """Return JSON as a dataclass; TypeError or ValueError for any other shape."""
    built: T = _convert(kind, value)
    return built


def not_the_service(status: int | None) -> Rejected:
    return Rejected(NOT_THE_SERVICE, "this is not a response of a Face API", status)


def check_digest(response: httpx.Response, sha256: str) -> None:
    """Compare a body with the digest that came along (RFC 9530), where there is one; an error of transport."""
    told = re.search(r"sha-256=:([A-Za-z0-9+/=]+):", response.headers.get("Repr-Digest", ""))
    if told and base64.b64encode(bytes.fromhex(sha256)).decode() != told[1]:
        raise httpx.RemoteProtocolError("the file has changed on its way")


def error_of(response: httpx.Response) -> ApiError:
    """Return what a response that is no success says; of a proxy's HTML, only the status."""
    status = response.status_code
    try:
        problem = response.json()
        code, detail = str(problem["code"]), str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        problem, location = {}, response.headers.get("Location")
        redirect = f", a redirect to {location}" if location is not None else ""
        code, detail = f"http_{status}", f"the response status is {status}{redirect}"
    kind: type[ApiError] = Unavailable if status in RETRIED_STATUSES else Rejected
    if status in ACCESS_STATUSES or code == "no_admin_password":
        kind = AccessRefused
    error = kind(code, detail, status)
    error.request_id = response.headers.get("X-Request-Id")
    error.problems = _field_problems(problem.get("errors"))
    return error


def _field_problems(found: Any) -> tuple[FieldProblem, ...]:
    try:
        return tuple(build(FieldProblem, one) for one in found or ())
    except (ValueError, TypeError):
        return ()


@functools.cache
def _fields(kind: Any) -> dict[str, Any]:
    """Return the types of a dataclass's fields."""
    types_of = typing.get_type_hints(kind)
    return {field.name: types_of[field.name] for field in dataclasses.fields(kind) if field.init}


def _convert(kind: Any, value: Any) -> Any:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise TypeError(f"an object is expected, not {value!r}")
        return kind(**{name: _convert(one, value[name]) for name, one in _fields(kind).items() if name in value})
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        (wanted,) = (one for one in arguments if one is not types.NoneType)
        return None if value is None else _convert(wanted, value)
    if origin is tuple:
        return tuple(_convert(arguments[0], one) for one in _checked(list, value))
    if origin is dict:
        return dict(_checked(dict, value))
    return _scalar(str if origin is typing.Literal else kind, value)


def _scalar(kind: Any, value: Any) -> Any:
    if kind is Any:
        return value
    if kind is datetime:
        return datetime.fromisoformat(_checked(str, value))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return _checked(kind, value)


def _checked(kind: type[T], value: Any) -> T:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{kind.__name__} is expected, not {value!r}")
    return value
