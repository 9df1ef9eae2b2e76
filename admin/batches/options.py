"""The options of detect and mask as command line options: made from the models, so that none is missing."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click
from pydantic import ValidationError

from core.contract import fields
from core.contract.fields import OptionField
from core.contract.options import DetectOptions, MaskOptions

Command = TypeVar("Command", bound=Callable[..., Any])
JobType = Literal["mask", "detect"]
MODELS: dict[str, type[DetectOptions]] = {"mask": MaskOptions, "detect": DetectOptions}
PARAMETER_TYPES: dict[str, click.ParamType[Any]] = {"integer": click.INT, "number": click.FLOAT, "text": click.STRING}


def detection_options(command: Command) -> Command:
    """Add every option of mask, which include those of detect; one that isn't given is None."""
    for field in reversed(fields.describe(MaskOptions)):
        command = click.option(_flags(field), field.name, **_type(field), default=None, help=_help(field))(command)
    return command


def given_options(job_type: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Validate and return the options that were given; the service chooses the others.

    UsageError names each invalid option and the reason.
    """
    given = {name: value for name, value in arguments.items() if name in MaskOptions.model_fields and value is not None}
    try:
        options = MODELS[job_type].model_validate(given)
    except ValidationError as error:
        problems = [f"--{_dashed(str(problem['loc'][0]))}: {_reason(problem, job_type)}" for problem in error.errors()]
        raise click.UsageError("; ".join(problems)) from error
    return options.model_dump(mode="json", include=set(given))


def _reason(problem: Any, job_type: str) -> str:
    if problem["type"] == "extra_forbidden":
        return f"{job_type} has no such option"
    return str(problem["msg"]).removeprefix("Value error, ")


def _flags(field: OptionField) -> str:
    flag = f"--{_dashed(field.name)}"
    return f"{flag}/--no-{_dashed(field.name)}" if field.kind == "boolean" else flag


def _type(field: OptionField) -> dict[str, Any]:
    if field.kind == "boolean":
        return {}  # click makes a flag of it
    return {"type": click.Choice(field.choices) if field.kind == "choice" else PARAMETER_TYPES[field.kind]}


def _help(field: OptionField) -> str:
    default = "" if field.default is None else f"  [default: {field.default}]"
    return f"{field.description}{default}"


def _dashed(name: str) -> str:
    return name.replace("_", "-")
