"""The administrator: credentials, sessions, and protection from pages of other sites (CSRF)."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

import redis
from flask import Response, g, request

from core.access.lockouts import Lockout, LoginSource
from core.config import Settings
from core.contract.deeds import ActorKind, Deed
from core.errors import CrossOrigin, NoAdminPassword, Unauthenticated
from web.auth import devices, origins, trails
from web.auth.devices import Devices
from web.auth.sessions import Sessions
from web.auth.trails import Trail
from web.requests import client_address

COOKIE = "face_api_session"
DEVICE_COOKIE = "face_api_device"
# On https: a browser takes such a cookie only from the host itself, over https, and for all its paths.
SECURE_PREFIX = "__Host-"
COOKIE_PATH = "/"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# Browsers open a dialog for Basic and for nothing else; the console has its own form.
BASIC_CHALLENGE = 'Basic realm="face-api admin", charset="UTF-8"'
PAGE_CHALLENGE = 'Session realm="face-api admin"'


@dataclass(frozen=True)
class Admin:
    """The administrator that this request authenticated. expires_at: of the session."""

    username: str
    auth_method: Literal["session", "basic"]
    expires_at: datetime | None = None


class Admins:
    """Authenticates the one administrator of the settings."""

    def __init__(self, settings: Settings, client: "redis.Redis", trail: Trail) -> None:
        self.sessions = Sessions(settings, client)
        self.devices = Devices(settings)
        self._trail = trail
        self._lockout = Lockout(client, settings.rate_limit_failed_logins)
        self._session_lifetime_s = settings.session_lifetime_s
        self._password = settings.admin_password.get_secret_value()
        self._credentials = _digest(settings.admin_user, self._password)

    def require_same_origin(self) -> None:
        """Reject what a page of another site sends, and everything while there is no administrator.

        Guesses, too, that a page makes a browser send: they would count against the address of its user.
        """
        if not self._password:
            raise NoAdminPassword
        if (request.method not in SAFE_METHODS or _sends_credentials()) and not _same_origin():
            raise CrossOrigin
        g.challenge = PAGE_CHALLENGE if _is_from_page() else BASIC_CHALLENGE

    def authenticate(self) -> Admin:
        """Return the administrator of the request; credentials take precedence over a cookie, which browsers add."""
        credentials = request.authorization
        if credentials is not None and _sends_credentials():
            return self.log_in(credentials.username or "", credentials.password or "")
        token = _cookie(COOKIE)
        session = self.sessions.find(token) if token else None
        if session is None:
            raise Unauthenticated("log in, or send the administrator's name and password by HTTP Basic")
        return Admin(session.username, "session", session.expires_at)

    def log_in(self, username: str, password: str) -> Admin:
        """Check credentials: Unauthenticated when they are wrong, RateLimited when they were wrong too often."""
        correct = hmac.compare_digest(_digest(username, password), self._credentials)
        try:
            self._lockout.count(self.login_source(), correct=correct)
        except Unauthenticated as error:  # who is blocked is not recorded each time: that would fill the trail
            self._trail.add_if_possible(Deed.LOG_IN, error.code)
            raise
        return Admin(username, "basic")

    def login_source(self) -> LoginSource:
        """Return whose attempts this one counts with: those of a browser that has logged in before, or an address."""
        cookie = _cookie(DEVICE_COOKIE)
        device = self.devices.read(cookie) if cookie and self._password else None
        return LoginSource(f"device:{device}", is_known=True) if device else LoginSource(client_address())

    def open_session(self, admin: Admin, response: Response) -> None:
        """Start a session and set its cookie; the session that the browser had before ends."""
        trails.act_as(ActorKind.ADMIN, admin.username)
        self._trail.add_if_possible(Deed.LOG_IN)
        self._close()
        token, _ = self.sessions.open(admin.username)
        _set_cookie(response, COOKIE, token, self._session_lifetime_s)
        _set_cookie(response, DEVICE_COOKIE, self.devices.issue(_cookie(DEVICE_COOKIE)), devices.LIFETIME_S)

    def close_session(self, response: Response) -> None:
        """End the session of the request, if there is one, and delete its cookie; the browser stays known."""
        token = _cookie(COOKIE)
        if token and (session := self.sessions.find(token)):
            trails.act_as(ActorKind.ADMIN, session.username)
            self._trail.add_if_possible(Deed.LOG_OUT)
        self._close()
        _set_cookie(response, COOKIE, "", 0)

    def _close(self) -> None:
        token = _cookie(COOKIE)
        if token:
            self.sessions.close(token)


def _cookie_name(name: str) -> str:
    return SECURE_PREFIX + name if origins.is_secure() else name


def _cookie(name: str) -> str | None:
    return request.cookies.get(_cookie_name(name))


def _set_cookie(response: Response, name: str, value: str, max_age_s: int) -> None:
    """Set a cookie that scripts can't read and other sites don't send; an age of 0 deletes it."""
    response.set_cookie(
        _cookie_name(name),
        value,
        max_age=max_age_s,
        expires=0 if not max_age_s else None,
        path=COOKIE_PATH,
        secure=origins.is_secure(),
        httponly=True,
        samesite="Strict",
    )


def _sends_credentials() -> bool:
    return request.authorization is not None and request.authorization.type == "basic"


def _digest(username: str, password: str) -> bytes:
    """Hash both to one value of a fixed length, so that comparing takes equally long whatever was sent."""
    parts = (part.encode(errors="surrogatepass") for part in (username, password))
    return b"".join(hashlib.sha256(part).digest() for part in parts)


def _same_origin() -> bool:
    """Whether a page of this service sent the request, or no page at all.

    A browser sends one of these headers with every unsafe request; a program, which can't be lured, sends none.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    source = request.headers.get("Origin", request.headers.get("Referer"))
    own = {_origin(request.host_url), _origin(origins.base_url())} - {None}
    return source is None or _origin(source) in own


def _origin(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, f"{parts.hostname}:{port}") if parts.hostname else None


def _is_from_page() -> bool:
    """Whether a page's script sent the request, as far as its headers say."""
    mode = request.headers.get("Sec-Fetch-Mode")
    if mode is not None:
        return mode != "navigate"
    return any(name in request.headers for name in ("Origin", "X-Requested-With")) or _cookie(COOKIE) is not None
