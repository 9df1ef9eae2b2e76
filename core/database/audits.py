"""The audit trail: a record is a row of the transaction of the deed, so neither is ever without the other."""

import uuid
from collections.abc import Collection, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, delete, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from core.contract.deeds import ActorKind, Deed
from core.database import pages, upserts
from core.database.audit_models import AuditRecord
from core.database.clock import now
from core.database.pages import Page

AT_ONCE = 5000  # chosen: rows that an export holds in memory, or a transaction of retention deletes
MAX_NAME = 255
IDS = "ids"  # the member of the detail that names what a record is of, if that is a list


@dataclass(frozen=True)
class Actor:
    """Who does what is recorded from now on in this thread. name: of an administrator or a user; of a key its id."""

    kind: ActorKind = ActorKind.SERVICE
    name: str | None = None
    address: str | None = None
    request_id: str | None = None


ITSELF = Actor()
_acting: ContextVar[Actor] = ContextVar("acting", default=ITSELF)


def act_as(actor: Actor) -> None:
    """Name who acts from now on in this thread."""
    _acting.set(actor)


def actor() -> Actor:
    return _acting.get()


@dataclass(frozen=True)
class AuditFilter:
    """Which records are listed: all that are like every value given, from a moment on and before another."""

    deed: str | None = None
    actor_kind: str | None = None
    actor: str | None = None
    address: str | None = None
    target: uuid.UUID | None = None
    outcome: str | None = None
    request_id: str | None = None
    after: datetime | None = None
    before: datetime | None = None

    def rows(self, session: Session) -> Select[AuditRecord]:
        """Select the records, newest first."""
        equal = {name: value for name, value in vars(self).items() if name not in {"target", "after", "before"}}
        wanted = select(AuditRecord).filter_by(**{name: value for name, value in equal.items() if value is not None})
        wanted = wanted.where(_is_of(session, self.target)) if self.target else wanted
        wanted = wanted.where(AuditRecord.at >= self.after) if self.after else wanted
        wanted = wanted.where(AuditRecord.at < self.before) if self.before else wanted
        return wanted.order_by(AuditRecord.at.desc(), AuditRecord.id.desc())


def _is_of(session: Session, target: uuid.UUID) -> ColumnElement[bool]:
    """Return the condition that a record is of this id, alone or among others."""
    if session.get_bind().dialect.name == "postgresql":
        among = type_coerce(AuditRecord.detail, JSONB).contains({IDS: [str(target)]})
    else:
        among = (AuditRecord.deed == Deed.ORIGINAL_LINKED) & type_coerce(AuditRecord.detail, Text).contains(str(target))
    return (AuditRecord.target == target) | (AuditRecord.target.is_(None) & among)


def record(session: Session, deed: Deed, *targets: uuid.UUID | None, outcome: str = "ok", **detail: object) -> None:
    """Add a record of what is being done to each of these; part of the caller's transaction."""
    who = actor()
    shared = {
        "at": now(),
        "actor_kind": who.kind,
        "actor": who.name and who.name[:MAX_NAME],
        "address": who.address,
        "deed": deed,
        "outcome": outcome,
        "request_id": who.request_id,
        "detail": detail or None,
    }
    if targets:
        session.execute(upserts.table_of(AuditRecord).insert(), [shared | {"target": target} for target in targets])


def record_list(session: Session, deed: Deed, ids: Collection[uuid.UUID]) -> None:
    """Add one record of what is being done to all of these at once; part of the caller's transaction."""
    detail: dict[str, Any] = {"count": len(ids), IDS: [str(one) for one in ids]}
    record(session, deed, None, **detail)


def page(session: Session, page: int, per_page: int, wanted: AuditFilter) -> Page[AuditRecord]:
    """Return one page of the wanted records, newest first."""
    return pages.fetch(session, wanted.rows(session), page, per_page)


def every(session: Session, wanted: AuditFilter) -> Iterator[AuditRecord]:
    """Yield all wanted records, newest first, a few thousand in memory at a time."""
    last: AuditRecord | None = None
    while True:
        rows = wanted.rows(session).limit(AT_ONCE)
        if last is not None:
            earlier = (AuditRecord.at < last.at) | ((AuditRecord.at == last.at) & (AuditRecord.id < last.id))
            rows = rows.where(earlier)
        found = session.scalars(rows).all()
        yield from found
        if len(found) < AT_ONCE:
            return
        last = found[-1]
        session.expunge_all()


def delete_old(session: Session, days: int) -> int:
    """Delete the records that are so many days old; return how many. The triggers refuse fewer than 30. Commits."""
    before, deleted = now() - timedelta(days=days, minutes=1), 0  # a minute: the clocks of machines differ
    while ids := _oldest(session, before):
        session.execute(delete(AuditRecord).where(AuditRecord.id.in_(ids)).execution_options(synchronize_session=False))
        session.commit()
        deleted += len(ids)
    return deleted


def _oldest(session: Session, before: datetime) -> Collection[int]:
    old = select(AuditRecord.id).where(AuditRecord.at < before).order_by(AuditRecord.at)
    return session.scalars(old.limit(AT_ONCE)).all()
