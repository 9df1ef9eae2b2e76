"""The list of images, searched by what is known of them. What their jobs say is kept in their rows by a trigger."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import Session

from core.database import pages
from core.database.models import Image
from core.database.pages import Page
from core.records import records
from core.records.rows import ImageSummary, StoredImage

FEW = 1000  # chosen: ids that are read in a millisecond or two; a page that is further down is looked for by itself


@dataclass(frozen=True)
class ImageFilter:
    """Which images are listed: all that are like every value given, created at `created_after` or later and before
    `created_before`.

    name: a part of it, in any case. min_faces, max_faces, review_state: of the newest job that counted faces.
    api_key_ids: one of these keys has sent it.
    """

    name: str | None = None
    batch_id: uuid.UUID | None = None
    min_faces: int | None = None
    max_faces: int | None = None
    review_state: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    api_key_ids: frozenset[uuid.UUID] | None = None

    @property
    def is_empty(self) -> bool:
        return self == ImageFilter()

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions in SQL, without those of the time."""
        return [
            *([Image.filename.icontains(self.name, autoescape=True)] if self.name else []),
            *([Image.batch_id == self.batch_id] if self.batch_id else []),
            *([Image.face_count >= self.min_faces] if self.min_faces is not None else []),
            *([Image.face_count <= self.max_faces] if self.max_faces is not None else []),
            *([Image.review_state == self.review_state] if self.review_state else []),
            *([Image.api_key_id.in_(self.api_key_ids)] if self.api_key_ids is not None else []),
        ]


def page(session: Session, page: int, per_page: int, wanted: ImageFilter) -> Page[ImageSummary]:
    """Return one page of the wanted images, newest first.

    By time alone they are counted by the tallies, else one by one: in the index of their batch or of those with a
    review, or in the one that holds names and faces beside the order. Few are counted as they are found, so that
    a name that is rare is looked for once.
    """
    rows = records.image_rows(wanted.created_after, wanted.created_before)
    if not wanted.conditions():
        return records.page_images(session, page, per_page, rows)
    conditions = [*wanted.conditions(), *rows.conditions()]
    newest_first = (Image.created_at.desc(), Image.id.desc())
    ids = select(Image.id).where(*conditions).order_by(*newest_first)
    found = session.scalars(ids.limit(FEW + 1)).all()
    total = len(found)
    if total > FEW:
        total = session.scalar(select(func.count()).select_from(Image).where(*conditions)) or 0
    skipped = pages.offset(page, per_page, total)
    is_found = total <= FEW or skipped + per_page <= FEW
    shown = found[skipped : skipped + per_page] if is_found else session.scalars(ids.offset(skipped).limit(per_page))
    return Page(records.images_of(session, list(shown)), total, page, per_page)


@dataclass(frozen=True)
class ImagePlace:
    """The batch that an image came with, and its neighbours in the list: of that batch, else of all images."""

    batch_id: uuid.UUID | None
    newer: uuid.UUID | None
    older: uuid.UUID | None


def around(session: Session, image: StoredImage) -> ImagePlace:
    """Return where an image stands."""
    batch_id = session.scalar(select(Image.batch_id).where(Image.id == image.id))
    listed = select(Image.id).where(Image.batch_id == batch_id) if batch_id else select(Image.id)
    place, here = tuple_(Image.created_at, Image.id), (image.created_at, image.id)
    newer = listed.where(place > here).order_by(Image.created_at, Image.id).limit(1)
    older = listed.where(place < here).order_by(Image.created_at.desc(), Image.id.desc()).limit(1)
    return ImagePlace(batch_id, session.scalar(newer), session.scalar(older))
