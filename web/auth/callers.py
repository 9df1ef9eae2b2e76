"""Who has sent the current request, once its guard has let it in: the administrator, an API key, or nobody known."""

import uuid

from flask import g

from core.access.authenticated import AuthenticatedKey
from core.contract.roles import Role


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
    """Return whose uploads this caller's are: the administrator's, or of the first of the keys that it replaced."""
    found = key()
    return str(found.first_id) if found else "admin"


def may(role: Role) -> bool:
    """Whether this caller may do what a role may; a key that was let in may all that it is let in for."""
    return key() is not None or bool(g.admin.role.includes(role))


def name() -> str:
    """Return what decisions of this caller are signed with: the administrator's name, or `key` and its id."""
    found = key()
    return f"key {found.id}" if found else str(g.admin.username)
