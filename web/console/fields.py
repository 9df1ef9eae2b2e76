"""The API's options as fields of a form, made from their model: a new option appears by itself."""

import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.contract.options import DetectOptions, MaskOptions

Kind = Literal["choice", "switch", "whole", "fraction", "text"]
KINDS: dict[Any, Kind] = {bool: "switch", int: "whole", float: "fraction"}


@dataclass(frozen=True)
class Field:
    """One option. choices: of a choice; least, most: of a number, None where there is no limit.

    optional: it may be left to the service's settings, which is the default.
    """

    name: str
    kind: Kind
    default: Any
    optional: bool
    choices: tuple[str, ...]
    least: float | None
    most: float | None
    meaning: str

    @property
    def step(self) -> str:
        return "1" if self.kind == "whole" else "0.01"


def of(model: type[BaseModel]) -> list[Field]:
    """Return a field for each option, in the model's order."""
    return [_field(name, info) for name, info in model.model_fields.items()]


def groups() -> dict[str, list[Field]]:
    """Return the fields of a mask: how it is covered, and which faces are."""
    finding = {*DetectOptions.model_fields, "review_confidence"}
    every = of(MaskOptions)
    return {
        "masking": [field for field in every if field.name not in finding],
        "finding": [field for field in every if field.name in finding],
    }


def _field(name: str, info: FieldInfo) -> Field:
    kinds = [info.annotation]
    if typing.get_origin(info.annotation) in (typing.Union, types.UnionType):
        kinds = list(typing.get_args(info.annotation))
    bare = next(kind for kind in kinds if kind is not type(None))
    is_choice = typing.get_origin(bare) is Literal
    return Field(
        name=name,
        kind="choice" if is_choice else KINDS.get(bare, "text"),
        default=info.default,
        optional=type(None) in kinds,
        choices=tuple(str(choice) for choice in typing.get_args(bare)) if is_choice else (),
        least=_limit(info, "ge"),
        most=_limit(info, "le"),
        meaning=info.description or "",
    )


def _limit(info: FieldInfo, name: str) -> float | None:
    return next((getattr(limit, name) for limit in info.metadata if hasattr(limit, name)), None)
