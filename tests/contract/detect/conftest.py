"""Answers to three pictures, each asked for once."""

import pytest
import requests

from tests.contract import pictures
from tests.contract.calls import detected
from tests.contract.detect.answers import Body
from tests.stack import Stack


@pytest.fixture(scope="package")
def health(service: Stack) -> Body:
    """What the stack says of itself."""
    body: Body = requests.get(service.url + "/health", timeout=30).json()
    return body


@pytest.fixture(scope="package")
def one(service: Stack) -> Body:
    """The answer to a portrait."""
    return detected(service, pictures.portrait())


@pytest.fixture(scope="package")
def several(service: Stack) -> Body:
    """The answer to a picture of six people."""
    return detected(service, pictures.encoded(pictures.group(3, 2), "PNG"))


@pytest.fixture(scope="package")
def none(service: Stack) -> Body:
    """The answer to a landscape."""
    return detected(service, pictures.encoded(pictures.landscape(), "JPEG"))
