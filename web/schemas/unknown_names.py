"""Names and addresses that there are not: where they belong, or which was probably meant."""

import difflib
import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import current_app, request
from pydantic import BaseModel

from core.contract.problems import UNKNOWN
from core.errors.problems import MAX_PROBLEMS, FieldProblem

# What a view's parameters, which the framework fills in, are to a caller.
PLACES = {"query": "in the query of the URL", "form": "as a field of the form", "body": "in the JSON of the body"}
MIN_LIKENESS = 0.6  # chosen: difflib's own; `blur_method` is 0.71 like `method`, `file` 0.44 like `image`
MIN_ADDRESS_LIKENESS = 0.8  # chosen: half of an address is the same for all
MAX_ADDRESS = 100  # chosen: twice the longest that there is


def explain(found: list[FieldProblem], model: str) -> list[FieldProblem]:
    """Add to the problems of unknown names what to do about them. model: the name of the one that was validated.

    Only to those that are told: a form may have tens of thousands.
    """
    models = _models()
    names = [name for one in models.values() if one.__name__ == model for name in one.model_fields]
    told = [
        replace(one, message=f"{UNKNOWN}{_advice(one.field, names, models)}") if one.message == UNKNOWN else one
        for one in found[:MAX_PROBLEMS]
    ]
    return told + found[MAX_PROBLEMS:]


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


def _advice(name: str, names: list[str], models: Mapping[str, type[BaseModel]]) -> str:
    elsewhere = [PLACES[place] for place, one in models.items() if name in one.model_fields and name not in names]
    if elsewhere:
        return f": send it {elsewhere[0]}"
    near = difflib.get_close_matches(name.lower(), names, 1, MIN_LIKENESS)
    return f"; did you mean {near[0]}?" if near else ""
