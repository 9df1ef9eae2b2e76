"""The account of whoever calls: password, codes, open sessions."""

import uuid
from http import HTTPStatus

from flask import Response, g
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from core.access import admins, second_factors
from core.errors import InvalidOption, NotFound
from core.errors.problems import FieldProblem
from web import bodies, current
from web.auth import guards
from web.auth.sessions import owner_of
from web.openapi import admin as openapi
from web.schemas.admins import (
    AccountResponse,
    Code,
    CurrentPassword,
    EndedSessions,
    OwnPassword,
    OwnSession,
    OwnSessions,
    RecoveryCodes,
    SessionPath,
    TotpBegun,
)

admin_account = APIBlueprint(
    "admin_account",
    __name__,
    url_prefix="/api/v1/admin/account",
    abp_tags=[Tag(name="Admin: own account", description="Password, codes and sessions of whoever calls.")],
)


@admin_account.get("", summary="Show the own account", responses=openapi.read(AccountResponse))
@guards.admin("viewer")
def get_account() -> Response:
    """Return who you are, and whether your log-in asks for codes."""
    row = None
    if g.admin.account_id:
        with current.session() as session:
            row = admins.get(session, g.admin.account_id)
    return bodies.as_json(AccountResponse.of(g.admin, row))


@admin_account.post("/password", summary="Change the own password", responses=openapi.CHANGED_PASSWORD)
@guards.admin("viewer")
def change_own_password(body: OwnPassword) -> Response:
    """Replace the own password. All other sessions end; that of this call goes on with a new cookie."""
    account_id = _checked_account(body.current_password)
    with current.session() as session:
        account = admins.set_password(session, account_id, body.password, generation=g.admin.generation)
    current.state().admins.accounts.clear()
    response = Response(status=HTTPStatus.NO_CONTENT)
    if g.admin.session:
        current.state().admins.renew_session(g.admin, account.generation, response)
    return response


@admin_account.post("/totp", summary="Begin to use codes", responses=openapi.write(201, TotpBegun))
@guards.admin("viewer")
def begin_totp(body: CurrentPassword) -> Response:
    """Return a new secret for an app that shows codes; nothing changes until it is confirmed."""
    account_id = _checked_account(body.current_password)
    with current.session() as session:
        secret = second_factors.begin(session, account_id)
    uri = second_factors.uri(secret, g.admin.username)
    begun = TotpBegun(secret=secret, uri=uri, qr_code=second_factors.qr_code(uri))
    return bodies.as_json(begun, HTTPStatus.CREATED)


@admin_account.post("/totp/confirm", summary="Confirm codes", responses=openapi.write(200, RecoveryCodes))
@guards.admin("viewer")
def confirm_totp(body: Code) -> Response:
    """Ask for codes from now on, at each log-in; HTTP Basic is refused then. The recovery codes are shown this once."""
    account_id = _account()
    with current.session() as session:
        codes = second_factors.confirm(session, account_id, body.code)
    current.state().admins.accounts.clear()
    return bodies.as_json(RecoveryCodes(recovery_codes=codes))


@admin_account.post("/totp/disable", summary="Use no codes any more", responses=openapi.CHANGED_PASSWORD)
@guards.admin("viewer")
def disable_totp(body: CurrentPassword) -> Response:
    """Ask for no codes any more."""
    account_id = _checked_account(body.current_password)
    with current.session() as session:
        second_factors.disable(session, account_id)
    current.state().admins.accounts.clear()
    return Response(status=HTTPStatus.NO_CONTENT)


@admin_account.get("/sessions", summary="List the own sessions", responses=openapi.read(OwnSessions))
@guards.admin("viewer")
def get_own_sessions() -> Response:
    """List where you are logged in, newest first."""
    found = current.state().admins.sessions.of_owner(owner_of(g.admin))
    return bodies.as_json(OwnSessions(items=[OwnSession.of(one, g.admin.session) for one in found]))


@admin_account.delete("/sessions/<session_id>", summary="End one of the own sessions", responses=openapi.DELETED)
@guards.admin("viewer")
def end_own_session(path: SessionPath) -> Response:
    """End a session: its cookie is no longer valid."""
    if not current.state().admins.end_sessions(g.admin, [path.session_id]):
        raise NotFound("there is no such session")
    return Response(status=HTTPStatus.NO_CONTENT)


@admin_account.post("/end-other-sessions", summary="End all other own sessions", responses=openapi.ENDED)
@guards.admin("viewer")
def end_other_sessions() -> Response:
    """End all of your sessions but that of this call."""
    mine = g.admin.session.id if g.admin.session else None
    found = current.state().admins.sessions.of_owner(owner_of(g.admin))
    ended = current.state().admins.end_sessions(g.admin, [one.id for one in found if one.id != mine])
    return bodies.as_json(EndedSessions(ended=ended))


def _account() -> uuid.UUID:
    """Return the id of the caller's row; InvalidOption for the administrator of the settings, who has none."""
    account_id: uuid.UUID | None = g.admin.account_id
    if account_id is None:
        text = "This administrator is not in the database: its password and log-in are managed elsewhere"
        raise InvalidOption.of([FieldProblem("username", text)])
    return account_id


def _checked_account(password: str) -> uuid.UUID:
    """Return the same once the password is right: whoever finds an open page must not take the account over."""
    account_id = _account()
    current.state().admins.log_ins.confirm_password(g.admin, password)
    return account_id
