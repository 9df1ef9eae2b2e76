"""One page of a list."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Select, func
from sqlalchemy.orm import Session

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """total: of all pages; page counts from 1, and one past the end has no items."""

    items: list[Item]
    total: int
    page: int
    per_page: int

    @property
    def pages(self) -> int:
        return -(-self.total // self.per_page)


def offset(page: int, per_page: int, total: int) -> int:
    """Return how many rows come before a page: never more than there are, as a caller's number may be too large for a
    database."""
    return min((page - 1) * per_page, total)


def fetch(session: Session, ordered: Select[Item], page: int, per_page: int) -> Page[Item]:
    """Fetch one page of what a statement selects, in its order.

    Counts row by row: for lists that are short, or whose count an index holds; long ones have tallies.
    """
    counted = ordered.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)
    total = session.scalar(counted) or 0
    rows = session.scalars(ordered.offset(offset(page, per_page, total)).limit(per_page))
    return Page(list(rows), total, page, per_page)
