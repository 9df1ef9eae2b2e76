"""The options of detect and mask as options of the command: made from the models, so that none is missing."""

import types
import typing
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from core.contract.options import DetectOptions, MaskOptions

Command = TypeVar("Command", bound=Callable[..., Any])
JobType = Literal["mask", "detect"]
MODELS: dict[str, type[DetectOptions]] = {"mask": MaskOptions, "detect": DetectOptions}
NUMBERS: dict[Any, click.ParamType[Any]] = {int: click.INT, float: click.FLOAT}


def of_pictures(command: Command) -> Command:
    """Give a command every option of mask, which has those of detect, too; one that isn't given is None."""
    for name, field in reversed(MaskOptions.model_fields.items()):
        command = click.option(_flags(name, field), name, **_kind(field), default=None, help=_help(field))(command)
    return command


def chosen(job_type: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given; the service chooses the others. A usage error tells what is wrong."""
    wanted = {name: value for name, value in given.items() if name in MaskOptions.model_fields and value is not None}
    try:
        checked = MODELS[job_type].model_validate(wanted)
    except ValidationError as error:
        problems = [f"--{_dashed(str(problem['loc'][0]))}: {_words(problem, job_type)}" for problem in error.errors()]
        raise click.UsageError("; ".join(problems)) from error
    return checked.model_dump(mode="json", include=set(wanted))


def _words(problem: Any, job_type: str) -> str:
    if problem["type"] == "extra_forbidden":
        return f"{job_type} has no such option"
    return str(problem["msg"]).removeprefix("Value error, ")


def _flags(name: str, field: FieldInfo) -> str:
    long = f"--{_dashed(name)}"
    return f"{long}/--no-{_dashed(name)}" if _type(field) is bool else long


def _kind(field: FieldInfo) -> dict[str, Any]:
    kind = _type(field)
    if kind is bool:
        return {}
    if typing.get_origin(kind) is Literal:
        return {"type": click.Choice([str(choice) for choice in typing.get_args(kind)])}
    return {"type": NUMBERS.get(kind, click.STRING)}


def _type(field: FieldInfo) -> Any:
    """Return the type of a value that is given: what may be None, too, is what else it may be."""
    if typing.get_origin(field.annotation) in {types.UnionType, typing.Union}:
        return next(one for one in typing.get_args(field.annotation) if one is not types.NoneType)
    return field.annotation


def _help(field: FieldInfo) -> str:
    told = "" if field.is_required() or field.default is None else f"  [default: {field.default}]"
    return f"{field.description or ''}{told}"


def _dashed(name: str) -> str:
    return name.replace("_", "-")
