"""The cookies of the administrators' browsers: scripts can't read them, and other sites don't send them."""

from typing import Literal

from flask import Response, request

from web.auth import origins

SESSION = "face_api_session"
DEVICE = "face_api_device"
# On https: a browser takes such a cookie only from the host itself, over https, and for all its paths.
SECURE_PREFIX = "__Host-"
PATH = "/"


def read(name: str) -> str | None:
    """Return what the request's cookie of this name holds."""
    return request.cookies.get(_full_name(name))


def write(
    response: Response, name: str, value: str, max_age_s: int, same_site: Literal["Strict", "Lax"] = "Strict"
) -> None:
    """Set a cookie; an age of 0 deletes it. same_site: Lax for one that a link of another site may send along."""
    response.set_cookie(
        _full_name(name),
        value,
        max_age=max_age_s,
        expires=0 if not max_age_s else None,
        path=PATH,
        secure=origins.is_secure(),
        httponly=True,
        samesite=same_site,
    )


def _full_name(name: str) -> str:
    return SECURE_PREFIX + name if origins.is_secure() else name
