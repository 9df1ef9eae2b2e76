"""One page of a list."""

from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


def offset(page: int, per_page: int, total: int) -> int:
    """Return how many rows come before a page: never more than there are, as a caller's number may be too large for a
    database."""
    return min((page - 1) * per_page, total)


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
