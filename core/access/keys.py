"""API keys: created, looked up, changed, counted. All SQL about them."""

import contextlib
import hashlib
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, case, or_, select
from sqlalchemy import delete as delete_from
from sqlalchemy.orm import Session

from core.access.properties import KeyProperties
from core.contract.deeds import Deed
from core.database import audits, pages, upserts
from core.database.clock import now
from core.database.models import ApiKey, UtcDateTime
from core.database.pages import Page
from core.errors import InvalidOption, KeyEnded, NotFound
from core.errors.problems import FieldProblem

TEXT_PREFIX = "xyl_"
RANDOM_BYTES = 24  # 48 hex digits: too many to guess, so a plain hash keeps them safe
SHOWN_FIRST, SHOWN_LAST = 11, 8
DEFAULT_PROPERTIES = KeyProperties()
_UNKNOWN = "there is no API key {}"


@dataclass(frozen=True)
class KeyUsage:
    """How often a key was used since its counter was last updated, and when and from where for the last time."""

    count: int
    last_used_at: datetime
    last_used_ip: str | None = None

    def plus(self, other: "KeyUsage") -> "KeyUsage":
        last = max(self, other, key=lambda usage: usage.last_used_at)
        return KeyUsage(self.count + other.count, last.last_used_at, last.last_used_ip)


def create(session: Session, name: str, properties: KeyProperties = DEFAULT_PROPERTIES) -> tuple[ApiKey, str]:
    """Create a key; its text is returned here and can never be read again. Commits.

    InvalidOption if it would have ended already.
    """
    if properties.expires_at and properties.expires_at <= now():
        raise InvalidOption.of([FieldProblem("expires_at", "This moment is over")])
    key, text = _new(name, **_columns(properties))
    session.add(key)
    audits.record(session, Deed.KEY_CREATED, key.id, **properties.model_dump(mode="json"))
    session.commit()
    return key, text


def rotate(session: Session, key_id: uuid.UUID, overlap_s: float) -> tuple[ApiKey, str]:
    """Create a key with the name and properties of another, which ends `overlap_s` from now on, or before if it would.

    What the old one has made is the new one's, too. NotFound; KeyEnded for one that has ended. Commits.
    """
    old = session.scalar(select(ApiKey).where(ApiKey.id == key_id).with_for_update())
    if old is None:
        raise NotFound(_UNKNOWN.format(key_id))
    moment = now()
    if not old.is_active or old.replaced_by or (old.expires_at and old.expires_at <= moment):
        raise KeyEnded
    same = {name: getattr(old, name) for name in KeyProperties.model_fields}
    key, text = _new(old.name, **same, replaces=[*old.replaces, str(old.id)])
    session.add(key)
    end = moment + timedelta(seconds=overlap_s)
    old.expires_at, old.replaced_by = min(old.expires_at or end, end), key.id
    audits.record(session, Deed.KEY_ROTATED, old.id, replaced_by=str(key.id), overlap_s=overlap_s)
    session.commit()
    return key, text


def _new(name: str, **columns: Any) -> tuple[ApiKey, str]:
    text = TEXT_PREFIX + secrets.token_hex(RANDOM_BYTES)
    shown = {"key_prefix": text[:SHOWN_FIRST], "key_suffix": text[-SHOWN_LAST:]}
    return ApiKey(id=uuid.uuid4(), name=name, key_hash=_hash(text), **shown, **columns), text


def _columns(properties: KeyProperties) -> dict[str, Any]:
    """Return what the columns of the properties hold."""
    documents = properties.model_dump(mode="json", exclude={"expires_at"})
    limits = {name: rate for name, rate in documents["rate_limits"].items() if rate}
    return documents | {"rate_limits": limits, "expires_at": properties.expires_at}


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
        raise NotFound(_UNKNOWN.format(key_id))
    return key


def change(session: Session, key_id: uuid.UUID, **changes: Any) -> ApiKey:
    """Change a key's name, whether it is active, or properties, validated as they are; NotFound without it. Commits."""
    key = get(session, key_id)
    if changes:
        audits.record(session, Deed.KEY_CHANGED, key.id, changed=sorted(changes), **_told(changes))
    for name in ("name", "is_active"):
        setattr(key, name, changes.pop(name, getattr(key, name)))
    columns = _columns(KeyProperties.model_validate(changes))
    for name in changes:
        setattr(key, name, columns[name])
    session.commit()
    return key


def delete(session: Session, key_id: uuid.UUID) -> None:
    """Delete a key; it authenticates nobody any more. NotFound without it. Commits."""
    if session.scalar(delete_from(ApiKey).where(ApiKey.id == key_id).returning(ApiKey.id)) is None:
        raise NotFound(_UNKNOWN.format(key_id))
    audits.record(session, Deed.KEY_DELETED, key_id)
    session.commit()


def add_uses(session: Session, uses: Mapping[uuid.UUID, KeyUsage]) -> None:
    """Add to the keys' counters; keys that have been deleted are skipped. Commits."""
    if not uses:
        return
    table = upserts.table_of(ApiKey)
    used = bindparam("used", type_=UtcDateTime)
    is_late = table.c.last_used_at > used  # another process has told of a later use
    newest = case((is_late, table.c.last_used_at), else_=used)
    address = case((is_late, table.c.last_used_ip), else_=bindparam("ip", type_=table.c.last_used_ip.type))
    more = table.update().where(table.c.id == bindparam("key"))
    # In one order, so that two of these can't deadlock.
    rows = [
        {"key": key, "n": uses[key].count, "used": uses[key].last_used_at, "ip": uses[key].last_used_ip}
        for key in sorted(uses)
    ]
    count = table.c.request_count + bindparam("n")
    session.execute(more.values(request_count=count, last_used_at=newest, last_used_ip=address), rows)
    session.commit()


def match(session: Session, which: str) -> ApiKey:
    """Return the key that has this id or prefix; NotFound unless exactly one has."""
    same = [ApiKey.key_prefix == which]
    with contextlib.suppress(ValueError):
        same.append(ApiKey.id == uuid.UUID(which))
    matching = list(session.scalars(select(ApiKey).where(or_(*same))))
    if len(matching) != 1:
        raise NotFound(f"{len(matching)} keys are known as {which!r}: give the id of one")
    return matching[0]


def revoke(session: Session, which: str) -> ApiKey:
    """Deactivate the key that has this id or prefix; NotFound unless exactly one has. Commits."""
    return change(session, match(session, which).id, is_active=False)


def _told(changes: dict[str, Any]) -> dict[str, Any]:
    """Return so much of a change as its record tells: whether the key is active, and its properties."""
    properties = {name: value for name, value in changes.items() if name in KeyProperties.model_fields}
    told = KeyProperties.model_validate(properties).model_dump(mode="json", include=set(properties))
    return told | {name: value for name, value in changes.items() if name == "is_active"}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
