"""That the description says nothing twice, and nothing that only the framework means."""

import copy
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.descriptions import called, resolved
from web.app import FaceApiApp
from web.openapi import components


def schemas(part: Any, *, names: bool = False) -> Iterator[dict[str, Any]]:
    """Everything below that may be a schema."""
    if isinstance(part, list):
        for one in part:
            yield from schemas(one)
    elif isinstance(part, dict):
        if not names:
            yield part
        for key, value in part.items():
            if names or key not in components.VALUES:
                yield from schemas(value, names=not names and key == "properties")


def test_document_is_small(document: dict[str, Any]) -> None:
    size = len(json.dumps(document, separators=(",", ":")))
    assert size < 4_000 * len(called(document)), (
        size
    )  # chosen: a sixth more than today; with nothing shared it is 9,400


def test_nothing_large_is_said_twice(document: dict[str, Any]) -> None:
    said = Counter(
        json.dumps(part, sort_keys=True)
        for operation in called(document).values()
        for part in (*operation["responses"].values(), *operation.get("parameters", []))
        if "$ref" not in part
    )
    assert [text for text, times in said.items() if times > 1 and len(text) > 200] == []


def test_headers_are_components(document: dict[str, Any]) -> None:
    shared = document["components"]["responses"]
    inline = Counter(
        name
        for response in (
            *shared.values(),
            *(one for op in called(document).values() for one in op["responses"].values()),
        )
        for name, header in response.get("headers", {}).items()
        if "$ref" not in header
    )
    assert [name for name, times in inline.items() if times > 1] == []


def test_sharing_loses_nothing(app: FaceApiApp, document: dict[str, Any]) -> None:
    for called_at, plain in called(app.spec_json).items():  # the framework's, made for the document
        operation = called(document)[called_at]
        assert [resolved(document, one)["name"] for one in operation.get("parameters", [])] == [
            one["name"] for one in plain.get("parameters", [])
        ]
        for status, response in plain["responses"].items():
            found = resolved(document, operation["responses"][status])
            assert found["description"] == response["description"], (called_at, status)
            assert set(found.get("content", {})) == set(response.get("content", {}))
            assert set(found.get("headers", {})) == set(response.get("headers", {}))


def test_sharing_leaves_what_it_is_given(app: FaceApiApp, document: dict[str, Any]) -> None:
    assert app.spec_json["paths"].keys() == document["paths"].keys()
    before = copy.deepcopy(app.spec_json)
    components.share(app.spec_json)
    assert app.spec_json == before


def test_schemas_have_no_noise(document: dict[str, Any]) -> None:
    for schema in schemas([*document["components"]["schemas"].values(), *called(document).values()]):
        assert not isinstance(schema.get("title"), str)
        assert "$defs" not in schema
        assert not isinstance(schema.get("type"), str) or schema.get("default", "") is not None


def test_schemas_have_plain_names(document: dict[str, Any]) -> None:
    assert [name for name in document["components"]["schemas"] if not name.isalnum() or not name[0].isupper()] == []


def test_every_component_is_used(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for kind, parts in document["components"].items():
        if kind != "securitySchemes":
            assert [name for name in parts if f'"#/components/{kind}/{name}"' not in text] == []


def test_document_names_licence_and_server(document: dict[str, Any]) -> None:
    assert document["info"]["license"] == {"name": "MIT", "identifier": "MIT"}
    assert [server["url"] for server in document["servers"]] == ["/"]
