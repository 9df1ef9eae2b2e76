"""Batches, images and jobs by a part of their name or the beginning of their id."""

import re
import uuid
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.batches import lifecycle
from core.batches.lifecycle import BatchFilter
from core.database.models import Batch, Image, ProcessingJob
from core.records import image_lists, records
from core.records.image_lists import ImageFilter
from core.records.rows import ImageSummary, StoredJob

MIN_DIGITS = 6  # chosen: pages show the first eight; fewer are more likely a part of a name
DIGITS, ID_LENGTH = 32, 36


@dataclass(frozen=True)
class SearchResults:
    """At most so many of each kind. more_images: how many images of that name there are beside those."""

    batches: list[Batch] = field(default_factory=list)
    images: list[ImageSummary] = field(default_factory=list)
    jobs: list[StoredJob] = field(default_factory=list)
    more_images: int = 0


def find(session: Session, text: str, limit: int) -> SearchResults:
    """Find what is called so, newest first, after what has this id."""
    named = image_lists.page(session, 1, limit, ImageFilter(name=text))
    batches = lifecycle.page(session, 1, limit, BatchFilter(name=text)).items
    images, more = named.items, named.total - len(named.items)
    digits = text.replace("-", "").lower()
    if not re.fullmatch(rf"[0-9a-f]{{{MIN_DIGITS},{DIGITS}}}", digits):
        return SearchResults(batches, images, [], more)
    with_id = select(Batch).where(_begins(Batch.id, digits), Batch.deleted_at.is_(None)).limit(limit)
    image_ids = session.scalars(select(Image.id).where(_begins(Image.id, digits)).limit(limit)).all()
    job_ids = session.scalars(select(ProcessingJob.id).where(_begins(ProcessingJob.id, digits)).limit(limit)).all()
    images = [*records.images_of(session, image_ids), *images]
    return SearchResults(
        [*session.scalars(with_id), *batches], images, [*records.jobs_of(session, job_ids).values()], more
    )


def _begins(column: InstrumentedAttribute[uuid.UUID], digits: str) -> ColumnElement[bool]:
    """Return the condition that an id begins so, as a range that its index knows."""
    return column.between(uuid.UUID(digits.ljust(DIGITS, "0")), uuid.UUID(digits.ljust(DIGITS, "f")))
