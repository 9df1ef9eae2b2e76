"""The OpenAPI description, the pages that show it, and that the service keeps to it."""

import itertools
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import jsonschema_rs
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.contract import pictures
from tests.contract.calls import DETECT, MASK, PATHS, TIMEOUT_S, detect, mask, post
from tests.descriptions import resolved
from tests.stack import Stack

PUBLIC = [("/health", "get"), ("/health/live", "get"), ("/health/ready", "get"), (DETECT, "post"), (MASK, "post")]
STATUSES = {"200", "400", "401", "403", "413", "415", "422", "429", "503", "504"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPTIONS: dict[str, dict[str, Any]] = {
    "confidence": {"type": "number", "default": 0.5, "minimum": 0.01, "maximum": 1},
    "nms_threshold": {"type": "number", "default": 0.4, "minimum": 0.01, "maximum": 1},
    "max_faces": {"type": "integer", "default": 0, "minimum": 0},
    "detail": {"type": "string", "enum": ["balanced", "fast", "thorough"]},
}
MASK_OPTIONS: dict[str, dict[str, Any]] = OPTIONS | {
    "method": {"type": "string", "default": "gaussian", "enum": ["elliptical", "gaussian", "pixelate", "solid"]},
    "strength": {
        "anyOf": [{"type": "integer", "minimum": 1, "maximum": 999}, {"type": "string", "const": "auto"}],
        "default": 199,
    },
    "cover": {"type": "string", "default": "face", "enum": ["face", "head"]},
    "padding": {"type": "number", "default": 0.15, "minimum": 0, "maximum": 2},
    "format": {"type": "string", "default": "jpeg", "enum": ["jpeg", "png", "webp"]},
    "quality": {"type": "integer", "default": 95, "minimum": 1, "maximum": 100},
    "doubtful": {"type": "string", "enum": ["leave", "mask"]},
    "review_confidence": {"type": "number", "minimum": 0.01, "maximum": 1},
    "verify": {"type": "boolean"},
}


@pytest.fixture(scope="module")
def document(service: Stack) -> dict[str, Any]:
    """The service's description of itself."""
    response = requests.get(service.url + "/openapi/openapi.json", timeout=30)
    assert response.status_code == 200
    assert response.headers["Content-Type"].split(";")[0] == "application/json"
    body: dict[str, Any] = response.json()
    return body


def references(part: Any) -> Iterator[str]:
    """Every $ref below this part."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        yield from itertools.chain.from_iterable(map(references, part.values()))
    elif isinstance(part, list):
        yield from itertools.chain.from_iterable(map(references, part))


def answers(document: dict[str, Any], path: str, method: str = "post") -> dict[str, Any]:
    """The answers of an operation, by status."""
    return {
        status: resolved(document, answer) for status, answer in document["paths"][path][method]["responses"].items()
    }


# --- the description -----------------------------------------------------------------------------


def test_description_is_openapi_31(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] and document["info"]["version"]


def test_description_is_valid(document: dict[str, Any]) -> None:
    schemathesis.openapi.from_dict(document).validate()


def test_schemas_are_valid(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_references_lead_somewhere(document: dict[str, Any]) -> None:
    for reference in set(references(document)):
        assert reference.startswith("#/")
        assert resolved(document, {"$ref": reference})


@pytest.mark.parametrize(("path", "method"), PUBLIC)
def test_each_endpoint_is_described(document: dict[str, Any], path: str, method: str) -> None:
    operation = document["paths"][path][method]
    assert operation["summary"] or operation["description"]
    assert operation["operationId"]


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [
        operation["operationId"]
        for methods in document["paths"].values()
        for method, operation in methods.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("path", "options"), [(DETECT, OPTIONS), (MASK, MASK_OPTIONS)])
def test_options_are_described_exactly(document: dict[str, Any], path: str, options: dict[str, dict[str, Any]]) -> None:
    found = {}
    for parameter in (resolved(document, one) for one in document["paths"][path]["post"].get("parameters", [])):
        if parameter["in"] != "query":
            continue
        schema = resolved(document, parameter["schema"])
        found[parameter["name"]] = {name: schema[name] for name in options.get(parameter["name"], {}) if name in schema}
        if "enum" in found[parameter["name"]]:
            found[parameter["name"]]["enum"] = sorted(schema["enum"])
        assert not parameter.get("required", False)
        assert parameter.get("description") or schema.get("description")
    assert found == options


@pytest.mark.parametrize(("path", "texts"), [(DETECT, []), (MASK, ["mask_regions", "keep_regions"])])
def test_upload_is_described(document: dict[str, Any], path: str, texts: list[str]) -> None:
    body = resolved(document, document["paths"][path]["post"]["requestBody"])
    assert body["required"] is True
    assert list(body["content"]) == ["multipart/form-data"]
    schema = resolved(document, body["content"]["multipart/form-data"]["schema"])
    assert sorted(schema["properties"]) == sorted(["image", *texts])
    assert schema["required"] == ["image"]
    for name in texts:
        described = schema["properties"][name]
        assert (described["type"], "format" in described) == ("string", False)
        assert described["description"] and json.loads(described["example"])


@pytest.mark.parametrize("path", PATHS)
def test_every_status_is_described(document: dict[str, Any], path: str) -> None:
    assert set(answers(document, path)) >= STATUSES


@pytest.mark.parametrize("path", PATHS)
def test_errors_are_described_as_problems(document: dict[str, Any], path: str) -> None:
    for status, answer in answers(document, path).items():
        if status.startswith("2"):
            continue
        assert list(answer["content"]) == ["application/problem+json"], status
        schema = resolved(document, answer["content"]["application/problem+json"]["schema"])
        assert {"type", "title", "status", "detail", "code", "request_id"} <= set(schema["properties"])
        assert answer["description"]


def test_detect_answer_is_described(document: dict[str, Any]) -> None:
    schema = resolved(document, answers(document, DETECT)["200"]["content"]["application/json"]["schema"])
    parts = {"request_id", "image_id", "job_id", "image", "detections", "summary", "processing", "profiling"}
    assert set(schema["properties"]) == parts


def test_mask_answer_is_described(document: dict[str, Any]) -> None:
    answer = answers(document, MASK)["200"]
    assert set(answer["content"]) == {"image/jpeg", "image/png", "image/webp"}
    names = {name.lower() for name in answer["headers"]}
    reported = {"x-face-count", "x-inference-ms", "x-mask-ms", "x-encode-ms", "x-total-ms", "x-model"}
    assert names >= reported | {"x-image-id", "x-job-id", "x-mask-effective-strength", "x-kept-faces"}


def test_health_answers_are_described(document: dict[str, Any]) -> None:
    described = answers(document, "/health", "get")
    assert {"200", "503"} <= set(described)
    for status in ("200", "503"):
        schema = resolved(document, described[status]["content"]["application/json"]["schema"])
        assert {"status", "model", "model_loaded", "database_ready", "storage_ready"} <= set(schema["properties"])


def test_key_scheme_is_described(document: dict[str, Any]) -> None:
    schemes = {
        name: scheme
        for name, scheme in document["components"]["securitySchemes"].items()
        if (scheme["type"], scheme.get("in"), scheme.get("name")) == ("apiKey", "header", "X-API-Key")
    }
    assert len(schemes) == 1
    for path in PATHS:
        required = document["paths"][path]["post"].get("security", document.get("security", []))
        assert any(set(one) & set(schemes) for one in required)
    assert not document["paths"]["/health"]["get"].get("security", document.get("security", []))


# --- the pages -----------------------------------------------------------------------------------


class Assets(HTMLParser):
    """Collects what a page makes a browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember the address in src, and in href of anything but a link to follow."""
        for name, value in attrs:
            if value and (name == "src" or (name == "href" and tag != "a")):
                self.found.append(value)


def assets(page: requests.Response) -> list[str]:
    """Addresses of all that the page names."""
    parser = Assets()
    parser.feed(page.text)
    return [urljoin(page.url, address) for address in parser.found if not address.startswith("data:")]


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_docs_page_is_html(service: Stack, path: str) -> None:
    page = requests.get(service.url + path, timeout=30)
    assert page.status_code == 200
    assert page.headers["Content-Type"].split(";")[0] == "text/html"
    assert urlsplit(page.url).netloc == urlsplit(service.url).netloc


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_docs_page_shows_the_description(service: Stack, path: str) -> None:
    page = requests.get(service.url + path, timeout=30)
    named = {urljoin(page.url, address) for address in re.findall(r"[\"']([^\"']*openapi\.json)[\"']", page.text)}
    assert service.url + "/openapi/openapi.json" in named


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_docs_assets_are_served_here(service: Stack, path: str) -> None:
    found = assets(requests.get(service.url + path, timeout=30))
    assert any(address.endswith(".js") for address in found)
    for address in found:
        assert urlsplit(address).netloc == urlsplit(service.url).netloc, address
        asset = requests.get(address, timeout=30)
        assert asset.status_code == 200 and asset.content, address
        if "css" in asset.headers["Content-Type"]:
            for inner in re.findall(r"url\(['\"]?([^'\")]+)", asset.text):
                assert inner.startswith("data:") or not urlsplit(inner).netloc, inner


# --- the service keeps to it ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def described(document: dict[str, Any]) -> Any:
    """The public endpoints, as schemathesis reads them."""
    return schemathesis.openapi.from_dict(document).include(path=[path for path, _ in PUBLIC])


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        *[(path, GenerationMode.POSITIVE) for path, _ in PUBLIC],
        *[(path, GenerationMode.NEGATIVE) for path in PATHS],  # nothing about a call of /health can be invalid
    ],
)
def test_generated_calls_keep_the_description(
    document: dict[str, Any], service: Stack, path: str, mode: GenerationMode
) -> None:
    (result,) = schemathesis.openapi.from_dict(document).include(path=path).get_all_operations()
    operation: Any = result

    @given(case=operation.ok().as_strategy(generation_mode=mode))
    @settings(max_examples=20, derandomize=True, suppress_health_check=list(HealthCheck))
    def check(case: Any) -> None:
        response = case.call(base_url=service.url, headers={"X-API-Key": service.key}, timeout=TIMEOUT_S)
        case.validate_response(response, checks=CHECKS)

    check()


def test_real_answers_keep_the_description(service: Stack, described: Any) -> None:
    for file in (pictures.portrait(), pictures.encoded(pictures.landscape(), "PNG")):
        described[DETECT]["POST"].validate_response(detect(service, file))
        for kind in ("jpeg", "png", "webp"):
            described[MASK]["POST"].validate_response(mask(service, file, format=kind))
    described["/health"]["GET"].validate_response(requests.get(service.url + "/health", timeout=30))


@pytest.mark.parametrize("path", PATHS)
def test_real_refusals_keep_the_description(service: Stack, described: Any, path: str) -> None:
    broken = {"Content-Type": "multipart/form-data"}
    for response in (
        post(service, path, data=b"x", headers=broken),
        post(service, path, key=""),
        post(service, path, key=service.revoked_key()),
        post(service, path, files={"image": pictures.png_header(20_000, 20_000)}),
        post(service, path, files={"image": pictures.STRANGERS["gif"]}),
        post(service, path, files={"image": b""}),
    ):
        described[path]["POST"].validate_response(response)
