"""The options of detect and mask as command line options: made from the models, so that none is missing."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click
from pydantic import BaseModel, ValidationError

from core.contract import fields, problems, region_options
from core.contract.fields import OptionField
from core.contract.options import DetectOptions, MaskOptions
from core.contract.presets import PRESETS

Command = TypeVar("Command", bound=Callable[..., Any])
JobType = Literal["mask", "detect"]
MODELS: dict[str, type[DetectOptions]] = {"mask": MaskOptions, "detect": DetectOptions}


class RegionsType(click.ParamType[Any]):
    """Regions as the API takes them in a form: a JSON array."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return region_options.from_text(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


PARAMETER_TYPES: dict[str, click.ParamType[Any]] = {
    "integer": click.INT,
    "number": click.FLOAT,
    "text": click.STRING,
    "regions": RegionsType(),
}


def detection_options(command: Command) -> Command:
    """Add every option of mask, which include those of detect, and presets of them; one that isn't given is None."""
    told = "; ".join(f"{name}: {_words(values)}" for name, values in PRESETS.items())
    preset = click.option("--preset", type=click.Choice(list(PRESETS)), help=f"Options that others complete. {told}")
    return options_of(MaskOptions)(preset(command))


def options_of(model: type[BaseModel]) -> Callable[[Command], Command]:
    """Add every option of a model; one that isn't given is None."""

    def add(command: Command) -> Command:
        for field in reversed(fields.describe(model)):
            command = click.option(_flags(field), field.name, **_type(field), default=None, help=_help(field))(command)
        return command

    return add


def given_of(model: type[BaseModel], arguments: dict[str, Any]) -> dict[str, Any]:
    """Validate and return those of a model's options that were given; UsageError names each invalid one."""
    given = {name: value for name, value in arguments.items() if name in model.model_fields and value is not None}
    try:
        return model.model_validate(given).model_dump(mode="json", include=set(given))
    except ValidationError as error:
        wrong = [f"--{_dashed(one.field)}: {one.message}" for one in problems.of(error)]
        raise click.UsageError("; ".join(wrong)) from error


def given_options(job_type: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Validate and return the options that were given; the service chooses the others.

    UsageError names each invalid option and the reason.
    """
    given = {name: value for name, value in arguments.items() if name in MaskOptions.model_fields and value is not None}
    preset = PRESETS[arguments.get("preset") or "standard"]
    given = {name: value for name, value in preset.items() if name in MODELS[job_type].model_fields} | given
    try:
        options = MODELS[job_type].model_validate(given)
    except ValidationError as error:
        unknown = [name for name in given if name not in MODELS[job_type].model_fields]
        wrong = [f"--{_dashed(one.field)}: {one.message}" for one in problems.of(error) if one.field not in unknown]
        wrong += [f"--{_dashed(name)}: {job_type} has no such option" for name in unknown]
        raise click.UsageError("; ".join(wrong)) from error
    return options.model_dump(mode="json", include=set(given))


def _words(values: dict[str, Any]) -> str:
    flags = (f"--{_dashed(name)}" + ("" if value is True else f" {value}") for name, value in values.items())
    return " ".join(flags) or "the service's defaults"


def _flags(field: OptionField) -> str:
    flag = f"--{_dashed(field.name)}"
    return f"{flag}/--no-{_dashed(field.name)}" if field.kind == "boolean" else flag


def _type(field: OptionField) -> dict[str, Any]:
    if field.kind == "boolean":
        return {}  # click makes a flag of it
    if field.kind == "choice":
        return {"type": click.Choice(field.choices)}
    # A number that may be a word: the model reads both.
    return {"type": click.STRING if field.choices else PARAMETER_TYPES[field.kind]}


def _help(field: OptionField) -> str:
    default = "" if field.default in (None, ()) else f"  [default: {field.default}]"
    return f"{field.description}{default}"


def _dashed(name: str) -> str:
    return name.replace("_", "-")
