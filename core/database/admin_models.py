"""The table of administrators."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from core.contract.roles import Role
from core.database.base import Base, JsonDocument, UtcDateTime, one_of
from core.database.clock import now


class AdminAccount(Base):
    """An administrator beside the one of the settings; of the password only its argon2id hash is stored.

    name_key: the name without upper case, by which it is unique. generation: sessions of an earlier one have ended.
    totp_secret: of codes that the log-in asks for; totp_pending: one that no code has confirmed yet; totp_last_step:
    the moment, in steps of 30 s, of the last code that was taken. recovery_codes: SHA-256 of those that are left.
    """

    __tablename__ = "admins"
    __table_args__ = (one_of("role", Role),)

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(String(255))
    name_key: Mapped[str] = mapped_column(String(255), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16))
    is_enabled: Mapped[bool] = mapped_column(default=True)
    generation: Mapped[int] = mapped_column(default=0)
    totp_secret: Mapped[str | None] = mapped_column(String(64))
    totp_pending: Mapped[str | None] = mapped_column(String(64))
    totp_last_step: Mapped[int | None] = mapped_column(BigInteger)
    recovery_codes: Mapped[Any] = mapped_column(JsonDocument, nullable=False, default=list)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    last_login_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
