"""API keys: created, looked up, changed, counted. All SQL about them."""

import contextlib
import hashlib
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, case, or_, select
from sqlalchemy.orm import Session

from core.database import pages, upserts
from core.database.models import ApiKey, UtcDateTime
from core.database.pages import Page
from core.errors import NotFound

TEXT_PREFIX = "xyl_"
RANDOM_BYTES = 24  # 48 hex digits: too many to guess, so a plain hash keeps them safe
SHOWN_FIRST, SHOWN_LAST = 11, 8


@dataclass(frozen=True)
class KeyUsage:
    """How often a key was used since its counter was last updated, and when for the last time."""

    count: int
    last_used_at: datetime

    def plus(self, other: "KeyUsage") -> "KeyUsage":
        return KeyUsage(self.count + other.count, max(self.last_used_at, other.last_used_at))


def create(session: Session, name: str) -> tuple[ApiKey, str]:
    """Create a key; its text is returned here and can never be read again."""
    text = TEXT_PREFIX + secrets.token_hex(RANDOM_BYTES)
    key = ApiKey(name=name, key_hash=_hash(text), key_prefix=text[:SHOWN_FIRST], key_suffix=text[-SHOWN_LAST:])
    session.add(key)
    session.commit()
    return key, text


def find(session: Session, text: str) -> ApiKey | None:
    """Look up a key by its text, active or not."""
    return session.scalar(select(ApiKey).where(ApiKey.key_hash == _hash(text)))


def list_all(session: Session) -> list[ApiKey]:
    """Return every key, newest first."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.created_at.desc(), ApiKey.id)))


def page(session: Session, page: int, per_page: int) -> Page[ApiKey]:
    """Return one page of all keys, newest first. Administrators create them by hand: few enough to be counted."""
    newest_first = select(ApiKey).order_by(ApiKey.created_at.desc(), ApiKey.id.desc())
    return pages.fetch(session, newest_first, page, per_page)


def get(session: Session, key_id: uuid.UUID) -> ApiKey:
    """Return a key; NotFound without it."""
    key = session.get(ApiKey, key_id)
    if key is None:
        raise NotFound(f"there is no API key {key_id}")
    return key


def change(session: Session, key_id: uuid.UUID, *, name: str | None = None, is_active: bool | None = None) -> ApiKey:
    """Rename a key, activate or deactivate it, or both; None leaves as it is. NotFound without it."""
    key = get(session, key_id)
    key.name = key.name if name is None else name
    key.is_active = key.is_active if is_active is None else is_active
    session.commit()
    return key


def delete(session: Session, key_id: uuid.UUID) -> None:
    """Delete a key; it authenticates nobody any more. NotFound without it."""
    session.delete(get(session, key_id))
    session.commit()


def add_uses(session: Session, uses: Mapping[uuid.UUID, KeyUsage]) -> None:
    """Add to the keys' counters; keys that have been deleted are skipped. Commits."""
    if not uses:
        return
    table = upserts.table_of(ApiKey)
    used = bindparam("used", type_=UtcDateTime)
    newest = case((table.c.last_used_at > used, table.c.last_used_at), else_=used)
    more = table.update().where(table.c.id == bindparam("key"))
    # In one order, so that two of these can't deadlock.
    rows = [{"key": key, "n": uses[key].count, "used": uses[key].last_used_at} for key in sorted(uses)]
    session.execute(more.values(request_count=table.c.request_count + bindparam("n"), last_used_at=newest), rows)
    session.commit()


def revoke(session: Session, which: str) -> ApiKey:
    """Deactivate the key that has this id or prefix; NotFound unless exactly one has."""
    same = [ApiKey.key_prefix == which]
    with contextlib.suppress(ValueError):
        same.append(ApiKey.id == uuid.UUID(which))
    matching = list(session.scalars(select(ApiKey).where(or_(*same))))
    if len(matching) != 1:
        raise NotFound(f"{len(matching)} keys are known as {which!r}: give the id of one")
    matching[0].is_active = False
    session.commit()
    return matching[0]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
