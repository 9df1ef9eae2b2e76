"""The jobs of a batch's items: they follow the state of their item, in the words that jobs have for it."""

import uuid
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from core.contract.states import ItemState, JobStatus
from core.database import upserts
from core.database.clock import database_time
from core.database.models import ProcessingJob

CANCELLED_ERROR = "cancelled"


def values(state: ItemState, error: str | None = None) -> dict[str, Any]:
    """Return the columns of a job whose item is in a state."""
    finished = state in {ItemState.COMPLETED, ItemState.FAILED, ItemState.CANCELLED}
    error = CANCELLED_ERROR if state == ItemState.CANCELLED else error
    return {"status": JobStatus(state), "error": error, "finished_at": database_time() if finished else None}


def change(session: Session, job_id: uuid.UUID, columns: dict[str, Any]) -> bool:
    """Change a job; False when it was deleted with its image. Part of the caller's transaction."""
    jobs = upserts.table_of(ProcessingJob)
    changed = update(jobs).where(jobs.c.id == job_id).values(columns).returning(jobs.c.id)
    return session.scalar(changed) is not None
