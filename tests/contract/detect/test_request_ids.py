"""The id of a request, of its own or given."""

import io
import uuid

import pytest
import requests

from tests.contract import pictures
from tests.contract.calls import DETECT, PATHS, detect, is_uuid, post, upload
from tests.stack import Stack


def with_id(service: Stack, path: str, text: str) -> requests.Response:
    """A portrait sent under an id of the client's own."""
    return post(service, path, headers={"X-Request-Id": text}, files={"image": io.BytesIO(pictures.portrait())})


@pytest.mark.parametrize("path", PATHS)
def test_valid_request_id_is_kept(service: Stack, path: str) -> None:
    text = str(uuid.uuid4())
    assert with_id(service, path, text).headers["X-Request-Id"] == text


@pytest.mark.parametrize("text", ["", "42", "not-a-uuid", "x" * 500, str(uuid.UUID(int=7)) + "0", "<script>"])
@pytest.mark.parametrize("path", PATHS)
def test_other_request_id_is_replaced(service: Stack, path: str, text: str) -> None:
    given = with_id(service, path, text).headers["X-Request-Id"]
    assert is_uuid(given) and given != text


def test_request_id_stands_in_body(service: Stack) -> None:
    response = upload(service, DETECT, pictures.portrait())
    assert response.json()["request_id"] == response.headers["X-Request-Id"]


def test_kept_request_id_stands_in_body(service: Stack) -> None:
    text = str(uuid.uuid4())
    assert with_id(service, DETECT, text).json()["request_id"] == text


def test_request_ids_are_never_repeated(service: Stack) -> None:
    given = [detect(service, pictures.portrait()).headers["X-Request-Id"] for _ in range(3)]
    assert len(set(given)) == 3
