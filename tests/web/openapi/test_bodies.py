"""That bodies are described as narrowly as they are checked."""

from typing import Any

import jsonschema_rs
import pytest

from core.errors import InvalidOption
from tests.descriptions import called
from web.schemas.batch_creation import BatchCreation

JSON = "application/json"


def described(document: dict[str, Any], name: str) -> jsonschema_rs.Validator:
    """A schema of the description, with those that it refers to."""
    return jsonschema_rs.validator_for({"$ref": f"#/components/schemas/{name}", "components": document["components"]})


@pytest.mark.parametrize("job_type", [None, "mask", "detect"])
@pytest.mark.parametrize("options", [None, {}, {"confidence": 0.4}, {"method": "solid"}, {"detail": "fast"}, {"x": 1}])
def test_options_are_those_of_the_job_type(
    document: dict[str, Any], job_type: str | None, options: dict[str, Any] | None
) -> None:
    sent: dict[str, Any] = {"name": "a"} | ({"job_type": job_type} if job_type else {})
    sent |= {} if options is None else {"options": options}
    try:
        BatchCreation.model_validate(sent).validated_options()
        is_valid = True
    except InvalidOption:
        is_valid = False
    assert described(document, "BatchCreation").is_valid(sent) == is_valid


def test_examples_are_as_described(document: dict[str, Any]) -> None:
    for called_at, operation in called(document).items():
        body = operation.get("requestBody", {}).get("content", {}).get(JSON, {})
        if "$ref" in body.get("schema", {}):
            assert described(document, body["schema"]["$ref"].rpartition("/")[2]).is_valid(body["example"]), called_at
