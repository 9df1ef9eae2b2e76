"""The table of API keys."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from core.contract.scopes import DEFAULT_SCOPES
from core.database.base import Base, JsonDocument, UtcDateTime
from core.database.clock import now


class ApiKey(Base):
    """A caller's key: its text is never stored, only its SHA-256.

    rate_limits: those that differ from the settings', by name. allowed_networks: CIDRs; none: any. replaces: the ids of
    the keys that it followed by rotation, oldest first, whose images, jobs and batches are its own; replaced_by: the
    key that followed it.
    """

    __tablename__ = "api_keys"

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(String(255))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    key_prefix: Mapped[str] = mapped_column(String(16))
    key_suffix: Mapped[str] = mapped_column(String(16))
    is_active: Mapped[bool] = mapped_column(default=True)
    request_count: Mapped[int] = mapped_column(BigInteger, default=0)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_ip: Mapped[str | None] = mapped_column(String(45))
    scopes: Mapped[Any] = mapped_column(JsonDocument, nullable=False, default=lambda: [*DEFAULT_SCOPES])
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    rate_limits: Mapped[Any] = mapped_column(JsonDocument, nullable=False, default=dict)
    allowed_networks: Mapped[Any] = mapped_column(JsonDocument, nullable=False, default=list)
    replaces: Mapped[Any] = mapped_column(JsonDocument, nullable=False, default=list)
    replaced_by: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)

    @property
    def key_preview(self) -> str:
        """What a person recognises the key by."""
        return f"{self.key_prefix}...{self.key_suffix}"
