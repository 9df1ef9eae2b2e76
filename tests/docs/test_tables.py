"""The tables of docs/api.md and docs/batches.md name everything that the service has, and nothing else."""

import re
from typing import Any

import pytest
import requests

from core import errors
from tests.descriptions import called, resolved
from tests.docs import documents
from tests.stack import Stack
from web.errors import STATUS

API, BATCHES, VIDEO = (documents.DOCS / name for name in ("api.md", "batches.md", "video.md"))
ADMIN = "/api/v1/admin"


@pytest.fixture(scope="module")
def document(service: Stack) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{service.url}/openapi/openapi.json", timeout=60).json()
    return found


def endpoints(text: str) -> set[str]:
    """Return the first cells of tables that name an endpoint: `GET /path`."""
    named = [word for cells in documents.rows(text) for word in documents.coded(cells[0])]
    return {word for word in named if re.fullmatch(r"[A-Z]+ /\S+", word)}


def test_errors_table_is_complete() -> None:
    named = {
        (code, int(status))
        for status, codes in documents.rows(documents.section(API, "Errors"))
        for code in documents.coded(codes.partition(", with ")[0])
    }
    assert named == {(case.code, STATUS[case]) for case in errors.leaves()}


def test_options_table_is_complete(document: dict[str, Any]) -> None:
    table = {documents.coded(cells[0])[0]: cells[3] for cells in documents.rows(documents.section(API, "Options"))}
    for path in ("detect", "mask"):
        parameters = document["paths"][f"/api/v1/{path}"]["post"]["parameters"]
        options = {resolved(document, option)["name"] for option in parameters}
        assert {name for name, where in table.items() if where in ("both", path)} == options


def test_endpoint_tables_are_complete(document: dict[str, Any]) -> None:
    operations = {f"{method.upper()} {path}" for method, path in called(document)}
    public = endpoints(documents.section(API, "Endpoints"))
    admin = endpoints(documents.section(API, "Admin endpoints")) | endpoints(documents.section(BATCHES, "Endpoints"))
    videos = endpoints(documents.section(VIDEO, "Endpoints"))
    below = {ADMIN: admin, "/api/v1": videos}
    named = {line.replace(" ", f" {root}", 1) for root, lines in below.items() for line in lines}
    assert public | named == operations
