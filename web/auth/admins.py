"""The administrator: credentials, sessions, and protection from pages of other sites (CSRF)."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

import redis
from flask import Response, g, request

from core.config import Settings
from core.errors import CrossOrigin, NoAdminPassword, Unauthenticated
from web.auth.lockouts import Lockout
from web.auth.sessions import Sessions
from web.requests import client_address

COOKIE = "face_api_session"
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

    def __init__(self, settings: Settings, client: "redis.Redis") -> None:
        self.sessions = Sessions(settings, client)
        self._lockout = Lockout(client)
        self._session_lifetime_s = settings.session_lifetime_s
        self._password = settings.admin_password.get_secret_value()
        self._credentials = _digest(settings.admin_user, self._password)

    def require_same_origin(self) -> None:
        """Reject what a page of another site sends, and everything while there is no administrator."""
        if not self._password:
            raise NoAdminPassword
        if request.method not in SAFE_METHODS and not _same_origin():
            raise CrossOrigin
        g.challenge = PAGE_CHALLENGE if _is_from_page() else BASIC_CHALLENGE

    def authenticate(self) -> Admin:
        """Return the administrator of the request; credentials take precedence over a cookie, which browsers add."""
        credentials = request.authorization
        if credentials is not None and credentials.type == "basic":
            return self.log_in(credentials.username or "", credentials.password or "")
        token = request.cookies.get(COOKIE)
        session = self.sessions.find(token) if token else None
        if session is None:
            raise Unauthenticated("log in, or send the administrator's name and password by HTTP Basic")
        return Admin(session.username, "session", session.expires_at)

    def log_in(self, username: str, password: str) -> Admin:
        """Check credentials: Unauthenticated when they are wrong, RateLimited when they were wrong too often."""
        correct = hmac.compare_digest(_digest(username, password), self._credentials)
        self._lockout.count(client_address(), correct=correct)
        return Admin(username, "basic")

    def open_session(self, admin: Admin, response: Response) -> None:
        """Start a session and set its cookie; the session that the browser had before ends."""
        self._close()
        token, _ = self.sessions.open(admin.username)
        response.set_cookie(
            COOKIE,
            token,
            max_age=self._session_lifetime_s,
            path=COOKIE_PATH,
            secure=request.is_secure,
            httponly=True,
            samesite="Strict",
        )

    def close_session(self, response: Response) -> None:
        """End the session of the request, if there is one, and delete its cookie."""
        self._close()
        response.delete_cookie(COOKIE, path=COOKIE_PATH, secure=request.is_secure, httponly=True, samesite="Strict")

    def _close(self) -> None:
        token = request.cookies.get(COOKIE)
        if token:
            self.sessions.close(token)


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
    return source is None or _origin(source) == (_origin(request.host_url) or "nowhere")


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
    return any(name in request.headers for name in ("Origin", "X-Requested-With")) or COOKIE in request.cookies
