"""Reading a description."""

from typing import Any

METHODS = ("get", "put", "post", "patch", "delete")


def called(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Its operations by method and path."""
    return {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    }


def resolved(document: dict[str, Any], part: Any) -> Any:
    """The part itself, or what it refers to, with its own words."""
    while isinstance(part, dict) and "$ref" in part:
        found: Any = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        part = {**found, **{key: value for key, value in part.items() if key != "$ref"}}
    return part
