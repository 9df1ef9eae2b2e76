"""What operations of the description have in common, said once: in components that they refer to."""

import copy
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from web.errors import MEDIA_TYPE

METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
# Values, not schemas: what they hold is nobody's title.
VALUES = frozenset({"default", "enum", "const", "example", "examples"})
JSON = "application/json"
Part = dict[str, Any]


@dataclass(frozen=True)
class Spot:
    """Where a part is in the description, and what it is called as a component."""

    holder: Any
    key: str | int
    name: str

    @property
    def part(self) -> Part:
        """Return what is there."""
        found: Part = self.holder[self.key]
        return found


def share(document: Part) -> Part:
    """Return the description with its repeated headers, responses and parameters as components; the given one stays.

    What the framework and pydantic write without being asked goes: titles made of names, HTML in the texts, and `null`
    as a default where none may be sent.
    """
    document = copy.deepcopy(document)
    for operation in operations(document):
        operation["description"] = operation["description"].replace("<br/>", "\n")
        for parameter in operation.get("parameters", ()):
            parameter["schema"].pop("description", None)  # it is the parameter's own
    for schema in document["components"]["schemas"].values():
        schema.pop("$defs", None)  # each is a component as well
    _tidy(document["components"]["schemas"], names=True)
    _tidy(document["paths"], names=True)
    _move(document, "headers", _headers(document))
    _move(document, "responses", _responses(document))
    _move(document, "parameters", _parameters(document))
    return document


def operations(document: Part) -> Iterator[Part]:
    """Yield every operation of a description."""
    for path in document["paths"].values():
        yield from (operation for method, operation in path.items() if method in METHODS)


def _move(document: Part, kind: str, spots: Iterable[Spot]) -> None:
    """Make components of the parts that are there twice or more, in the words of the first.

    A part that differs in nothing but its description and example refers to the component, with its own description.
    """
    found: dict[str, dict[str, list[Spot]]] = defaultdict(lambda: defaultdict(list))
    for spot in spots:
        found[spot.name][_essence(spot.part)].append(spot)
    for name, alike in found.items():
        sharing = max(alike.values(), key=len)
        if len(sharing) < 2:
            continue
        component = document["components"].setdefault(kind, {})[name] = sharing[0].part
        for spot in sharing:
            own = spot.part.get("description")
            spot.holder[spot.key] = {"$ref": f"#/components/{kind}/{name}"}
            if own != component.get("description"):
                spot.holder[spot.key]["description"] = own


def _essence(part: Part) -> str:
    """Return what a part says beside its description and the examples of its contents."""
    kept = {key: value for key, value in part.items() if key != "description"}
    if "content" in kept:
        kept["content"] = {
            kind: {key: value for key, value in body.items() if key != "example"}
            for kind, body in kept["content"].items()
        }
    return json.dumps(kept, sort_keys=True)


def _headers(document: Part) -> Iterator[Spot]:
    for operation in operations(document):
        for response in operation["responses"].values():
            headers = response.get("headers", {})
            yield from (Spot(headers, name, name) for name in headers)


def _responses(document: Part) -> Iterator[Spot]:
    """Yield the errors, called by their codes, and what is one of the schemas, called as it is."""
    for operation in operations(document):
        for status, response in operation["responses"].items():
            content = response.get("content", {})
            if MEDIA_TYPE in content:
                code = content[MEDIA_TYPE]["example"]["code"]
                yield Spot(operation["responses"], status, code.title().replace("_", ""))
            elif "$ref" in content.get(JSON, {}).get("schema", {}):
                yield Spot(operation["responses"], status, content[JSON]["schema"]["$ref"].rpartition("/")[2])


def _parameters(document: Part) -> Iterator[Spot]:
    for operation in operations(document):
        parameters = operation.get("parameters", [])
        yield from (Spot(parameters, at, parameter["name"]) for at, parameter in enumerate(parameters))


def _tidy(part: Any, *, names: bool = False) -> None:
    """Take titles and impossible defaults out of all schemas below. names: the keys are names, not keywords."""
    if isinstance(part, list):
        for one in part:
            _tidy(one)
    if not isinstance(part, dict):
        return
    if not names:
        part.pop("title", None)
        if part.get("default", ...) is None and isinstance(part.get("type"), str):
            del part["default"]
    for key, value in part.items():
        if names or key not in VALUES:
            _tidy(value, names=not names and key == "properties")
