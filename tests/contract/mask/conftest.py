"""A portrait, the region of its face, and the answer to it."""

import pytest
import requests

from tests.contract import pictures
from tests.contract.calls import masked
from tests.contract.mask.regions import Region, black_region, png
from tests.contract.pictures import Pixels
from tests.stack import Stack


@pytest.fixture(scope="package")
def source() -> Pixels:
    """The astronaut's pixels."""
    return pictures.pixels(pictures.astronaut())


@pytest.fixture(scope="package")
def region(service: Stack, source: Pixels) -> Region:
    """The astronaut's region with the default padding, read off a black mask."""
    return black_region(source, png(service, pictures.astronaut(), method="solid"))


@pytest.fixture(scope="package")
def answer(service: Stack) -> requests.Response:
    """A portrait, masked as nobody asked otherwise."""
    return masked(service, pictures.portrait())
