"""The table of turns: keys take them, so that no key's work keeps others waiting by being much."""

import uuid
from datetime import datetime

from sqlalchemy import String, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from core.database.base import Base, UtcDateTime


class KeyTurn(Base):
    """When a worker last took work of a kind of a key; without a row that was never.

    key_id: of the API key, whether that is still there or not, so its few bytes stay; zero stands for administrators.
    work: batches or videos.
    """

    __tablename__ = "key_turns"

    key_id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    work: Mapped[str] = mapped_column(String(16), primary_key=True)
    served_at: Mapped[datetime] = mapped_column(UtcDateTime)
