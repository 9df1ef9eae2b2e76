"""Administrators: who a request is from, by a session or by credentials, and opening and ending sessions."""

import uuid
from dataclasses import replace
from typing import Any

import redis
from flask import Response, g, request

from core.config import Settings
from core.contract.deeds import ActorKind, Deed
from core.errors import BasicRefused, CrossOrigin, NoAdminPassword, Unauthenticated
from web.auth import cookies, devices, same_origin, trails
from web.auth.accounts import Accounts
from web.auth.log_ins import Admin, LogIns
from web.auth.oidc import single_sign_on
from web.auth.sessions import Session, Sessions, owner_of
from web.auth.trails import Trail

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# Browsers open a dialog for Basic and for nothing else; the console has its own form.
BASIC_CHALLENGE = 'Basic realm="face-api admin", charset="UTF-8"'
PAGE_CHALLENGE = 'Session realm="face-api admin"'


class Admins:
    """Authenticates administrators: the one of the settings, those of the table, and whoever has a session."""

    def __init__(self, settings: Settings, client: "redis.Redis", trail: Trail, accounts: Accounts) -> None:
        self.sessions = Sessions(settings, client)
        self.accounts = accounts
        self.log_ins = LogIns(settings, client, trail, accounts)
        self._trail = trail
        self._session_lifetime_s = settings.session_lifetime_s
        self._issuer = settings.oidc_issuer

    def require_same_origin(self) -> None:
        """Reject what a page of another site sends, and everything while there is no administrator.

        Guesses, too, that a page makes a browser send: they would count against the address of its user.
        """
        if not self.log_ins.are_possible:
            raise NoAdminPassword
        if (request.method not in SAFE_METHODS or _sends_credentials()) and not same_origin.is_ours():
            raise CrossOrigin
        g.challenge = PAGE_CHALLENGE if same_origin.is_from_page() else BASIC_CHALLENGE

    def authenticate(self, wanted: str = "") -> Admin:
        """Return the administrator of the request; credentials take precedence over a cookie, which browsers add.

        wanted: what a caller without any is asked for.
        """
        credentials = request.authorization
        if credentials is not None and _sends_credentials():
            checked = self.log_ins.check(credentials.username or "", credentials.password or "")
            if checked.needs_code:
                raise BasicRefused("use an API key, or an administrator who logs in without codes")
            return checked
        session = self.session()
        admin = self._of_session(session) if session else None
        if admin is None:
            raise Unauthenticated(wanted)
        return admin

    def recheck(self, admin: Admin) -> Admin | None:
        """Return what an administrator who was let in may do now, None when they would not be let in any more.

        As no use of the session, and as no log-in: what is asked again and again must not count.
        """
        if admin.session:
            session = self.sessions.get(admin.session.id)
            return self._of_session(session) if session else None
        if admin.account_id is None:
            return admin  # of the settings
        account = self.accounts.find(admin.account_id, admin.generation)
        if account is None or account.generation != admin.generation or account.has_totp:
            return None
        return replace(admin, role=account.role)

    def open_session(self, admin: Admin, response: Response, **detail: Any) -> Session:
        """Start a session of whoever has just logged in, and set its cookie; that which the browser had before ends.

        The session has the name, the role and the method of the log-in; with an account_id, the role is that of the
        table's row at each request, and the session ends when the row is disabled, deleted or of another generation.
        detail: what the audit trail tells of it beside role and method.
        """
        trails.act_as(ActorKind.ADMIN, admin.username)
        detail |= {"role": admin.role, "method": admin.method}
        self._trail.add_if_possible(Deed.LOG_IN, target=admin.account_id, **detail)
        if admin.account_id:
            self.accounts.note_login(admin.account_id)
        return self._start(admin, response)

    def session(self) -> Session | None:
        """Return the open session of the request's cookie, if there is one, whoever it is of."""
        token = cookies.read(cookies.SESSION)
        return self.sessions.find(token) if token else None

    def renew_session(self, admin: Admin, generation: int, response: Response) -> None:
        """Go on with a session of a new generation, where that of the request was ended by its own administrator."""
        self._start(replace(admin, generation=generation), response)

    def close_session(self, response: Response) -> None:
        """End the session of the request, if there is one, and delete its cookie; the browser stays known."""
        if session := self.session():
            trails.act_as(ActorKind.ADMIN, session.username)
            self._trail.add_if_possible(Deed.LOG_OUT)
        self._close()
        cookies.write(response, cookies.SESSION, "", 0)

    def end_sessions(self, admin: Admin, ids: list[uuid.UUID]) -> int:
        """End those of an administrator's own sessions that have these ids; return how many."""
        ended = self.sessions.end(owner_of(admin), ids)
        for one in ended:
            self._trail.add_if_possible(Deed.SESSION_ENDED, target=one)
        return len(ended)

    def open_sessions(self) -> list[Session]:
        """Return the sessions by which somebody is let in now, each with the role of now, newest first."""
        found = [(session, self._of_session(session)) for session in self.sessions.list_all()]
        return [replace(session, role=admin.role) for session, admin in found if admin]

    def end_session(self, session_id: uuid.UUID) -> bool:
        """End anybody's session; return whether it had not ended already."""
        session = self.sessions.get(session_id)
        if session is None or not self.sessions.delete(session_id):
            return False
        detail = {"name": session.username, "method": session.method}
        self._trail.add_if_possible(Deed.SESSION_ENDED, target=session_id, **detail)
        return True

    def _start(self, admin: Admin, response: Response) -> Session:
        self._close()
        session = Session(
            username=admin.username,
            role=admin.role,
            method=admin.method,
            subject=admin.subject,
            account_id=admin.account_id,
            generation=admin.generation,
            address=trails.address(),
            browser=request.user_agent.string,
        )
        token, opened = self.sessions.open(session)
        cookies.write(response, cookies.SESSION, token, self._session_lifetime_s)
        known = self.log_ins.devices.issue(cookies.read(cookies.DEVICE), admin.username)
        cookies.write(response, cookies.DEVICE, known, devices.LIFETIME_S)
        return opened

    def _of_session(self, session: Session) -> Admin | None:
        """Return whose session this is, and what they may do now; None when their account has ended it.

        And when it was opened at a provider that is not that of the settings any more.
        """
        if session.method != "password" and not single_sign_on.is_of(session, self._issuer):
            return None
        role = session.role
        if session.account_id:
            account = self.accounts.find(session.account_id, session.generation)
            if account is None or account.generation != session.generation:
                return None
            role = account.role
        return Admin(
            username=session.username,
            role=role,
            auth_method="session",
            expires_at=session.expires_at,
            account_id=session.account_id,
            generation=session.generation,
            method=session.method,
            subject=session.subject,
            session=session,
        )

    def _close(self) -> None:
        token = cookies.read(cookies.SESSION)
        if token:
            self.sessions.close(token)


def _sends_credentials() -> bool:
    return request.authorization is not None and request.authorization.type == "basic"
