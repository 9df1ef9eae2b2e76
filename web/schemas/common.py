"""What the schemas share: timestamps, states, names, pages, examples."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
)

from core.contract import states
from core.contract.models import FrozenModel
from core.database.pages import Page
from web.openapi.examples import REQUEST_ID

Item = TypeVar("Item")

Timestamp = Annotated[
    datetime,
    PlainSerializer(lambda moment: moment.astimezone(UTC).isoformat(), return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Milliseconds = Annotated[float, AfterValidator(lambda ms: round(ms, 2))]


def inline(values: type[StrEnum]) -> WithJsonSchema:
    """Describe an enum where it is used: as a component of its own, clients would get a class for each."""
    return WithJsonSchema({"type": "string", "enum": [value.value for value in values]})


JobType = Annotated[states.JobType, inline(states.JobType)]
# A job that was cancelled is a failed one to callers: the words are those that they know, its error says `cancelled`.
JobStatus = Literal["queued", "running", "completed", "failed"]
ReviewState = Annotated[states.ReviewState, inline(states.ReviewState)]
BatchStatus = Annotated[states.BatchStatus, inline(states.BatchStatus)]
ItemState = Annotated[states.ItemState, inline(states.ItemState)]
DeliveryStatus = Annotated[states.DeliveryStatus, inline(states.DeliveryStatus)]


# Control characters, those that change direction or can't be seen, and spaces of other widths: as a class of patterns
# that every dialect of them knows; the last are no letters that JavaScript and Python write alike.
UNREADABLE = (
    r"\x00-\x1f\x7f-\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufff9-\ufffb"
    f"{chr(0xE0000)}-{chr(0xE007F)}"
)
READABLE = f"^ *[^ {UNREADABLE}][^{UNREADABLE}]*$"


def _readable(name: str) -> str:
    if not re.fullmatch(READABLE, name):
        raise ValueError("A name has letters, and no control characters")
    return name.strip()


@dataclass(frozen=True)
class DescribedPattern:
    """A pattern of the description, where a validator of its own checks it."""

    pattern: str

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(schema) | {"pattern": self.pattern}


Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_readable), DescribedPattern(READABLE)]


def _iso_8601(sent: object) -> object:
    """Take ISO 8601 alone, and the + of a zone also where the caller's URL has turned it into a space."""
    if isinstance(sent, str) and not re.match(r"\d{4}-\d{2}-\d{2}", sent):
        raise ValueError("Write a date, or a date and a time, as in ISO 8601")
    return re.sub(r"(T\S+) (\d\d:?\d\d)$", r"\1+\2", sent) if isinstance(sent, str) else sent


def _with_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Moment = Annotated[datetime, BeforeValidator(_iso_8601), AfterValidator(_with_zone)]


@dataclass(frozen=True)
class DescribedAs:
    """What a value is described as that is validated later, by a model that depends on others."""

    model: type[BaseModel]

    def __get_pydantic_json_schema__(self, _schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(self.model.__pydantic_core_schema__)


def example(body: dict[str, Any]) -> ConfigDict:
    """Give a schema an example, as the OpenAPI package expects it; it can be built from rows."""
    extra = {"example": body, "headers": REQUEST_ID}
    return ConfigDict(from_attributes=True, openapi_extra=extra)  # type: ignore[typeddict-unknown-key]  # the package's own key


def example_page(item: dict[str, Any]) -> ConfigDict:
    return example({"items": [item], "total": 41, "page": 1, "per_page": 20, "pages": 3})


def json_body(sent: dict[str, Any]) -> ConfigDict:
    """A JSON body: no other members, no other types, and an example."""
    return ConfigDict(extra="forbid", strict=True, **example(sent))


class Paging(FrozenModel):
    """Which page of a list; newest first."""

    page: Annotated[int, Field(ge=1, description="Counted from 1; one past the end is empty.")] = 1
    per_page: Annotated[int, Field(ge=1, le=100, description="How many items a page has.")] = 20


class ListOf(BaseModel, Generic[Item]):
    items: list[Item]
    total: int = Field(description="Of all pages.")
    page: int
    per_page: int
    pages: int

    @classmethod
    def of(cls, page: Page[Any], items: Iterable[Any]) -> Self:
        """Build the list from a page; items: the page's rows, or what is known of each."""
        counts = {"total": page.total, "page": page.page, "per_page": page.per_page, "pages": page.pages}
        return cls.model_validate({"items": list(items), **counts})
