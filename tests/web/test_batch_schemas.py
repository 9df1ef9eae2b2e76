"""What the description says of a batch is what is checked."""

import re

import pytest

from core.batches import bucket_imports
from web.schemas.batch_creation import IMPORTABLE, BatchCreation

PREFIXES = [
    *("press", "press/", "press/2024", "é/", "o", "origin", "originals", "originals/", "originals/a", "originalsx"),
    *(
        "processed",
        "processed/x",
        "processedx/",
        "p",
        "q",
        "/",
        "/a",
        "a//b",
        "a//",
        ".",
        "..",
        "./",
        "../a",
        "a/.",
        "a/../b",
    ),
    *("a/./b", "a/..b", "...", ".../", "a\0b", "a\n//b", "\n"),
]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_prefix_is_described_as_it_is_checked(prefix: str) -> None:
    assert bool(re.search(IMPORTABLE, prefix)) == bucket_imports.is_importable(prefix)


def test_options_take_whole_numbers_however_written() -> None:
    body = BatchCreation.model_validate_json('{"name": "a", "options": {"quality": 90.0, "strength": 5.0}}')
    assert body.validated_options().model_dump(include={"quality", "strength"}) == {"quality": 90, "strength": 5}
