"""Fields of option models, as forms and the command line read them."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from core.contract import fields
from core.contract.numbers import IntegerOr
from core.contract.region_options import Regions


class Options(BaseModel):
    """Options of every kind that there may be one day."""

    kind: Annotated[Literal["a", "b"], Field(description="Which.")] = "b"
    perhaps: Literal["x", "y"] | None = None
    count: Annotated[int, Field(ge=1, le=9)] = 3
    share: Annotated[float, Field(ge=0.5)] = 0.75
    check: bool | None = None
    word: str = "plain"
    either: Annotated[int | Literal["auto"], IntegerOr("auto", ge=1, le=9)] = 3
    places: Regions = ()
    needed: int


def test_every_kind_of_option_is_described() -> None:
    kind, perhaps, count, share, check, word, either, places, needed = fields.describe(Options)
    assert (kind.kind, kind.choices, kind.default, kind.optional) == ("choice", ("a", "b"), "b", False)
    assert kind.description == "Which."
    assert (perhaps.kind, perhaps.choices, perhaps.default, perhaps.optional) == ("choice", ("x", "y"), None, True)
    assert (count.kind, count.minimum, count.maximum, count.default) == ("integer", 1, 9, 3)
    assert (share.kind, share.minimum, share.maximum) == ("number", 0.5, None)
    assert (check.kind, check.optional, check.default) == ("boolean", True, None)
    assert (word.kind, word.default, word.choices) == ("text", "plain", ())
    assert (either.kind, either.choices, either.minimum, either.maximum) == ("integer", ("auto",), 1, 9)
    assert (places.kind, places.choices, places.default) == ("regions", (), ())
    assert (needed.kind, needed.default, needed.optional) == ("integer", None, False)
