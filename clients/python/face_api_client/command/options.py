"""The options of detect, mask and videos as those of a command line: made from the service's, none is missing."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from face_api_client.command import option_fields
from face_api_client.command.option_fields import OptionField, WrongRegions
from face_api_client.command.option_tables import DETECT, MASK, PRESETS

Command = TypeVar("Command", bound=Callable[..., Any])
Fields = Sequence[OptionField]
FIELDS: dict[str, Fields] = {"mask": MASK, "detect": DETECT}


class RegionsType(click.ParamType[Any]):
    """Regions as the API takes them in a form: a JSON array."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return option_fields.regions(value)
        except WrongRegions as error:
            name = param.name if param and param.name else ""
            self.fail(f"--{_dashed(name)}{error.place}: {error}", param, ctx)


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
    return options_of(MASK)(preset(command))


def options_of(fields: Fields) -> Callable[[Command], Command]:
    """Add these options; one that isn't given is None."""

    def add(command: Command) -> Command:
        for field in reversed(fields):
            command = click.option(_flags(field), field.name, **_type(field), default=None, help=_help(field))(command)
        return command

    return add


def given_of(fields: Fields, arguments: dict[str, Any]) -> dict[str, Any]:
    """Validate and return those of the options that were given; UsageError names each invalid one."""
    names = {field.name for field in fields}
    return _checked(
        fields, {name: value for name, value in arguments.items() if name in names and value is not None}, []
    )


def given_options(job_type: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Validate and return the options that were given; the service chooses the others.

    UsageError names each invalid option and the reason.
    """
    fields, every = FIELDS[job_type], {field.name for field in MASK}
    names = {field.name for field in fields}
    given = {name: value for name, value in arguments.items() if name in every and value is not None}
    preset = PRESETS[arguments.get("preset") or "standard"]
    unknown = [f"--{_dashed(name)}: {job_type} has no such option" for name in given if name not in names]
    return _checked(fields, {name: value for name, value in preset.items() if name in names} | given, unknown)


def _checked(fields: Fields, given: dict[str, Any], wrong: list[str]) -> dict[str, Any]:
    """Return the options as the service takes them; wrong: what is known already to be wrong with others."""
    options, found = {}, []
    for field in fields:
        if field.name in given:
            try:
                options[field.name] = field.checked(given[field.name])
            except ValueError as error:
                found.append(f"--{_dashed(field.name)}: {error}")
    if found or wrong:
        raise click.UsageError("; ".join([*found, *wrong]))
    return options


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
    # A number that may be a word is read when it is checked.
    return {"type": click.STRING if field.choices else PARAMETER_TYPES[field.kind]}


def _help(field: OptionField) -> str:
    default = "" if field.default in (None, ()) else f"  [default: {field.default}]"
    return f"{field.description}{default}"


def _dashed(name: str) -> str:
    return name.replace("_", "-")
