"""A model's fields as a form or a command line needs them: a new option appears there by itself."""

import types
import typing
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.contract.region_options import RequestedRegion

Kind = Literal["choice", "boolean", "integer", "number", "text", "regions"]
KINDS: dict[Any, Kind] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    tuple[RequestedRegion, ...]: "regions",
}


@dataclass(frozen=True)
class OptionField:
    """One option. choices: all values of a "choice", the words that an "integer" may be instead; else empty.

    minimum, maximum: inclusive, None without a limit.
    optional: it may be None, which leaves the choice to the service's settings.
    """

    name: str
    kind: Kind
    default: Any
    optional: bool
    choices: tuple[str, ...]
    minimum: float | None
    maximum: float | None
    description: str


def describe(model: type[BaseModel]) -> list[OptionField]:
    """Return the model's fields in their order; the default of a required one is None."""
    return [_describe(name, info) for name, info in model.model_fields.items()]


def _describe(name: str, info: FieldInfo) -> OptionField:
    annotations = [info.annotation]
    if typing.get_origin(info.annotation) in {typing.Union, types.UnionType}:
        annotations = list(typing.get_args(info.annotation))
    value_type = next(annotation for annotation in annotations if annotation is not types.NoneType)
    literals = [annotation for annotation in annotations if typing.get_origin(annotation) is Literal]
    return OptionField(
        name=name,
        kind="choice" if value_type in literals else KINDS.get(value_type, "text"),
        default=None if info.is_required() else info.default,
        optional=types.NoneType in annotations,
        choices=tuple(str(choice) for literal in literals for choice in typing.get_args(literal)),
        minimum=_limit(info, "ge"),
        maximum=_limit(info, "le"),
        description=info.description or "",
    )


def _limit(info: FieldInfo, name: str) -> float | None:
    return next((getattr(limit, name) for limit in info.metadata if hasattr(limit, name)), None)
