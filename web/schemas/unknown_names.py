"""Names and addresses that there are not: where they belong, or which was probably meant."""

import difflib
import inspect
import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, get_args

from flask import current_app, request
from pydantic import BaseModel

from core.contract.problems import UNKNOWN
from core.errors.problems import MAX_PROBLEMS, FieldProblem

# What a view's parameters, which the framework fills in, are to a caller.
PLACES = {"query": "in the query of the URL", "form": "as a field of the form", "body": "in the JSON of the body"}
MIN_LIKENESS = 0.6  # chosen: difflib's own; `blur_method` is 0.71 like `method`, `file` 0.44 like `image`
MIN_ADDRESS_LIKENESS = 0.8  # chosen: half of an address is the same for all
PARTS = re.compile(r"[.\[\]]")  # of a field's name: `mask_regions[3].x2`
NONE: Mapping[str, type[BaseModel]] = MappingProxyType({})
MAX_ADDRESS = 100  # chosen: twice the longest that there is


def explain(found: list[FieldProblem], model: str) -> list[FieldProblem]:
    """Add to the problems of unknown names what to do about them. model: the name of the one that was validated."""
    models = _models()
    validated = next((one for one in models.values() if one.__name__ == model), BaseModel)
    return explain_in(found, validated, models)


def explain_in(
    found: list[FieldProblem], model: type[BaseModel], models: Mapping[str, type[BaseModel]] = NONE, within: str = ""
) -> list[FieldProblem]:
    """Add to the problems of a model's unknown names what to do about them, also in what is nested in it.

    models: what else the caller sends, by place. within: the name of the field that holds the model.
    Only to those that are told: a form may have tens of thousands.
    """

    def explained(problem: FieldProblem) -> FieldProblem:
        if problem.message != UNKNOWN:
            return problem
        name, names = _reached(model, problem.field.removeprefix(f"{within}."))
        elsewhere = models if name == problem.field else NONE  # what is nested belongs nowhere else
        return replace(problem, message=f"{UNKNOWN}{_advice(name, names, elsewhere)}")

    return [*map(explained, found[:MAX_PROBLEMS]), *found[MAX_PROBLEMS:]]


def near_address() -> str:
    """Say where the current request, for which there is no route, was probably to go."""
    addresses = sorted(rule.rule for rule in current_app.url_map.iter_rules() if not rule.arguments)
    sent = request.path[:MAX_ADDRESS].rstrip("/").lower()
    ending = [address for address in addresses if sent and address.endswith(sent)]
    near = sorted(ending, key=len) or difflib.get_close_matches(sent, addresses, 1, MIN_ADDRESS_LIKENESS)
    return f"did you mean {near[0]}?" if near else "/docs shows all that there is"


def _models() -> Mapping[str, type[BaseModel]]:
    """Return what the route of the current request takes, by place."""
    view: Any = current_app.view_functions.get(request.endpoint or "")
    parameters = inspect.signature(view).parameters if view else {}
    return {place: parameters[place].annotation for place in PLACES if place in parameters}


def _reached(model: type[BaseModel], field: str) -> tuple[str, list[str]]:
    """Return the last part of a problem's field, and the names that there are where it stands."""
    *way, name = [part for part in PARTS.split(field) if part] or [field]
    for part in way:
        inner = _nested(model.model_fields[part].annotation) if part in model.model_fields else None
        if inner is None and not part.isdigit():
            return field, list(model.model_fields)  # the name itself has dots or brackets
        model = inner or model
    return (name if way else field), list(model.model_fields)


def _nested(annotation: Any) -> type[BaseModel] | None:
    """Return the model of a field, or of its members."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _nested(part))), None)


def _advice(name: str, names: list[str], models: Mapping[str, type[BaseModel]]) -> str:
    elsewhere = [PLACES[place] for place, one in models.items() if name in one.model_fields and name not in names]
    if elsewhere:
        return f": send it {elsewhere[0]}"
    near = difflib.get_close_matches(name.lower(), names, 1, MIN_LIKENESS)
    return f"; did you mean {near[0]}?" if near else ""
