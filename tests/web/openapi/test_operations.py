"""What every route has to say of itself, so that programs can be generated from the description."""

import inspect
import re
from typing import Any

import pytest

from tests.descriptions import called, resolved
from web.app import FaceApiApp
from web.auth import guards

# An id is the name of a view, and reads as the method of a client: a verb and what it is about.
IDS = re.compile(r"[a-z]+(_[a-z]+)+")
HTTP_VERBS = ("post_", "put_", "patch_", "head_")


def test_ids_read_as_method_names(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operation in called(document).values()]
    wrong = [one for one in ids if not IDS.fullmatch(one) or one.startswith(HTTP_VERBS)]
    assert wrong == [], "call a view as a client's method: create_batch, not post_batch"
    assert sorted(ids) == sorted(set(ids)), "two views have one name"


def test_ids_are_the_names_of_views(app: FaceApiApp, document: dict[str, Any]) -> None:
    views = {rule.endpoint.rpartition(".")[2] for rule in app.url_map.iter_rules()}
    assert {operation["operationId"] for operation in called(document).values()} <= views


def test_nothing_that_a_request_calls_is_a_coroutine(app: FaceApiApp) -> None:
    hooks = (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs)
    called_too = [hook for one in hooks for found in one.values() for hook in found]
    handlers = [
        one for by_code in app.error_handler_spec.values() for found in by_code.values() for one in found.values()
    ]
    called_too += [*app.view_functions.values(), *handlers]
    assert len(called_too) > len(app.view_functions)
    assert not any(map(inspect.iscoroutinefunction, called_too)), "the app runs them as they are: see ensure_sync"


def test_what_has_pages_is_a_list(document: dict[str, Any]) -> None:
    for (method, path), operation in called(document).items():
        names = {resolved(document, one)["name"] for one in operation.get("parameters", [])}
        is_list = operation["operationId"].startswith("list_")
        assert is_list == ("page" in names), f"{method} {path}: {operation['operationId']} (list_… has pages, no other)"


def test_only_reads_are_called_get(document: dict[str, Any]) -> None:
    for (method, path), operation in called(document).items():
        verb = operation["operationId"].partition("_")[0]
        assert verb not in {"get", "list", "download"} or method == "get", path
        assert verb != "delete" or method == "delete", path


def test_every_api_route_is_described(app: FaceApiApp, document: dict[str, Any]) -> None:
    described = {(method.upper(), path) for method, path in called(document)}
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/"):
            path = rule.rule.replace("<", "{").replace(">", "}")
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                assert (method, path) in described, "declare it on an APIBlueprint"


def test_every_operation_says_what_it_is(document: dict[str, Any]) -> None:
    for called_at, operation in called(document).items():
        assert operation["summary"] and operation["description"], called_at
        assert "<br" not in operation["description"]
        assert len(operation["tags"]) == 1, called_at


def test_every_operation_says_who_may_call_it(app: FaceApiApp, document: dict[str, Any]) -> None:
    by_view = {rule.endpoint.rpartition(".")[2]: guards.of(app, rule.endpoint) for rule in app.url_map.iter_rules()}
    for called_at, operation in called(document).items():
        guard = by_view[operation["operationId"]]
        assert "security" in operation, called_at
        assert guard is not None and bool(operation["security"]) == (guard.who not in {"anyone", "visitor"}), called_at
        if guard.scope:
            assert f"the scope `{guard.scope}`" in operation["description"]


def test_every_tag_is_described(document: dict[str, Any]) -> None:
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert all(tags.values())
    assert set(tags) == {tag for operation in called(document).values() for tag in operation["tags"]}


def test_every_error_is_a_problem(document: dict[str, Any]) -> None:
    for called_at, operation in called(document).items():
        errors = {status: resolved(document, one) for status, one in operation["responses"].items() if status >= "4"}
        assert {"408", "414", "422", "431"} <= set(errors), called_at
        for status, response in errors.items():
            if "application/json" not in response["content"]:  # health answers 503 with all that it knows
                assert list(response["content"]) == ["application/problem+json"], (called_at, status)
                assert response["content"]["application/problem+json"]["example"]["status"] == int(status)
                assert response["description"]


def test_every_waiting_time_is_described(document: dict[str, Any]) -> None:
    for called_at, operation in called(document).items():
        for status in {"429", "503"} & set(operation["responses"]):
            response = resolved(document, operation["responses"][status])
            if "application/problem+json" in response["content"]:
                assert "Retry-After" in response["headers"], (called_at, status)


@pytest.mark.parametrize("name", ["detect_faces", "mask_image", "create_batch", "list_api_keys", "get_video"])
def test_well_known_ids_stay(document: dict[str, Any], name: str) -> None:
    assert name in {operation["operationId"] for operation in called(document).values()}


def test_headers_that_views_read_are_described(document: dict[str, Any]) -> None:
    """Beside the ids of the path, the framework drops them."""
    operations = {one["operationId"]: one for one in called(document).values()}
    for name, header in [("append_to_video_upload", "Upload-Offset"), ("create_batch", "Idempotency-Key")]:
        found = [resolved(document, one) for one in operations[name]["parameters"]]
        assert [bool(one.get("required")) for one in found if one["name"] == header] == [header == "Upload-Offset"], (
            name
        )


def test_video_is_made_of_one_of_two_things(document: dict[str, Any]) -> None:
    (operation,) = (one for one in called(document).values() if one["operationId"] == "create_video")
    schema = resolved(document, operation["requestBody"]["content"]["application/json"]["schema"])
    assert [one["required"] for one in schema["anyOf"]] == [["source_key"], ["upload_id"]]
