"""The table of the audit trail."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from core.database.base import Base, JsonDocument, Serial, UtcDateTime
from core.database.clock import now


class AuditRecord(Base):
    """Who has done what. Rows are only ever added: triggers refuse to change them, and to delete those that are young.

    actor: the name of an administrator or of a user of the command, the id of a key. target: the id of what it was
    done to; of a list null, and the ids are in the detail. outcome: `ok`, or the code of an error. detail: what else
    there is to know; never a secret or a file name.
    """

    __tablename__ = "audit_records"
    __table_args__ = (
        Index(None, "at", "id"),
        Index(None, "deed", "at", "id"),
        Index(None, "target", "at", "id"),
        Index(None, "actor", "at", "id"),
        Index(
            "ix_audit_records_ids",
            "detail",
            postgresql_using="gin",
            postgresql_ops={"detail": "jsonb_path_ops"},
            postgresql_where=text("target IS NULL"),
        ).ddl_if("postgresql"),
    )

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor: Mapped[str | None] = mapped_column(String(255))
    address: Mapped[str | None] = mapped_column(String(45))
    deed: Mapped[str] = mapped_column(String(32))
    target: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    outcome: Mapped[str] = mapped_column(String(32), default="ok")
    request_id: Mapped[str | None] = mapped_column(String(36))
    detail: Mapped[Any] = mapped_column(JsonDocument, nullable=True)
