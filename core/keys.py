"""API keys: made, found, revoked. All SQL about them; one function is one question."""

import contextlib
import hashlib
import secrets
import uuid

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core.errors import NotFound
from core.models import ApiKey

TEXT_PREFIX = "xyl_"
RANDOM_BYTES = 24  # 48 hex digits: too many to guess, so a plain hash keeps them safe
SHOWN_FIRST, SHOWN_LAST = 11, 8


def create(session: Session, name: str) -> tuple[ApiKey, str]:
    """Make a key; the text is told here and never again."""
    text = TEXT_PREFIX + secrets.token_hex(RANDOM_BYTES)
    key = ApiKey(name=name, key_hash=_hash(text), key_prefix=text[:SHOWN_FIRST], key_suffix=text[-SHOWN_LAST:])
    session.add(key)
    session.commit()
    return key, text


def find(session: Session, text: str) -> ApiKey | None:
    """Look up the key that a caller shows, active or not."""
    return session.scalar(select(ApiKey).where(ApiKey.key_hash == _hash(text)))


def list_all(session: Session) -> list[ApiKey]:
    """Return every key, newest first."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.created_at.desc(), ApiKey.id)))


def revoke(session: Session, which: str) -> ApiKey:
    """Turn a key off, named by its id or the first characters that are shown of it; NotFound unless it is one."""
    same = [ApiKey.key_prefix == which]
    with contextlib.suppress(ValueError):
        same.append(ApiKey.id == uuid.UUID(which))
    found = list(session.scalars(select(ApiKey).where(or_(*same))))
    if len(found) != 1:
        raise NotFound(f"{len(found)} keys are known as {which!r}: give the id of one")
    found[0].is_active = False
    session.commit()
    return found[0]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
