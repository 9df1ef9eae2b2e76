"""Paginated lists: the query string of the current URL, and links to other pages."""

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from flask import request, url_for
from pydantic import BaseModel, Field, ValidationError

from core.contract import problems
from core.database.pages import Page
from core.errors import InvalidOption
from web.schemas.common import Paging

Query = TypeVar("Query", bound=BaseModel)
NEIGHBOURS = 2


class TablePaging(Paging):
    """Which page of a table, whose rows are low."""

    per_page: Annotated[int, Field(ge=1, le=100)] = 50


@dataclass(frozen=True)
class Pager:
    """The current page and its neighbours. numbers: the pages to link to, None for a gap between them."""

    page: Page[Any]
    numbers: list[int | None]

    @property
    def first(self) -> int:
        return (self.page.page - 1) * self.page.per_page + 1 if self.page.items else 0

    @property
    def last(self) -> int:
        return self.first + len(self.page.items) - 1 if self.page.items else 0

    def link(self, number: int) -> str:
        """Return the URL of another page of the same list."""
        return current_url(page=number if number > 1 else None)


def read_query(model: type[Query]) -> Query:
    """Validate the query string as the API would; an empty value counts as not given."""
    given = {name: value for name, value in request.args.items() if value}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise InvalidOption.of(problems.of(error)) from error


def current_url(**changes: object) -> str:
    """Return this page's URL with some parameters changed; None removes one."""
    given: dict[str, Any] = {name: value for name, value in request.args.items() if value}
    parameters = {name: value for name, value in (given | changes).items() if value is not None}
    return url_for(str(request.endpoint), **(request.view_args or {}), **parameters)


def pager(page: Page[Any]) -> Pager:
    """Link to the first and last pages and to those around the current one."""
    near = {1, page.pages, *range(page.page - NEIGHBOURS, page.page + NEIGHBOURS + 1)}
    shown = sorted(number for number in near if 1 <= number <= page.pages)
    numbers: list[int | None] = []
    for before, number in zip([0, *shown], shown, strict=False):
        numbers += [None] * (number > before + 1) + [number]
    return Pager(page, numbers)
