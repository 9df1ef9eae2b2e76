"""Who has sent the current request, once its guard has let it in: the administrator, an API key, or nobody known."""

import uuid

from flask import g

from core.access.authenticated import AuthenticatedKey
from core.contract.roles import Role
from web.auth.log_ins import Admin
from web.auth.sessions import owner_of

OF_SETTINGS = "admin"  # the administrator of the settings has no id
ELSEWHERE = uuid.UUID("5c0d3c0e-6f5e-4f3f-9a70-0a5a2c2a3b7d")  # chosen by chance: of those without a row of the table


def key() -> AuthenticatedKey | None:
    """Return the key that this request was let in by."""
    found: AuthenticatedKey | None = g.get("api_key")
    return found


def key_id() -> uuid.UUID | None:
    """Return the id of the key that what this request makes is named after."""
    found = key()
    return found.id if found else None


def shown_keys() -> frozenset[uuid.UUID] | None:
    """Return the keys whose images, jobs and batches this caller is shown; None: it is shown everything."""
    found = key()
    return None if found is None or found.sees_everything else found.own_ids


def sender() -> str:
    """Return whose uploads this caller's are: an administrator's own, or of the first of the keys that it replaced."""
    found = key()
    return str(found.first_id) if found else _own_name(g.admin)


def _own_name(admin: Admin) -> str:
    """Return what keys of objects name an administrator by: it outlives sessions, and nobody's name stands in it."""
    if admin.account_id:
        return str(admin.account_id)
    return OF_SETTINGS if admin.method == "password" else str(uuid.uuid5(ELSEWHERE, owner_of(admin)))


def may(role: Role) -> bool:
    """Whether this caller may do what a role may; a key that was let in may all that it is let in for."""
    return key() is not None or bool(g.admin.role.includes(role))


def name() -> str:
    """Return what decisions of this caller are signed with: the administrator's name, or `key` and its id."""
    found = key()
    return f"key {found.id}" if found else str(g.admin.username)
