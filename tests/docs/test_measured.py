"""The measured figures of other pages, and the limits of the manifest, are those of docs/privacy.md."""

from pathlib import Path

import pytest

from core.weights import manifest
from tests.docs import measured


@pytest.mark.parametrize("page", measured.PAGES, ids=lambda page: page.stem)
def test_measured_tables_are_current(page: Path) -> None:
    assert page.read_text() == measured.renewed(page), "python -m tests.docs.measured writes them anew"


def test_every_measured_table_stands_on_a_page() -> None:
    marked = [match[2] for page in measured.PAGES for match in measured.MARKED.finditer(page.read_text())]
    assert sorted(marked) == sorted(measured.TABLES)


def test_limits_of_the_manifest_are_the_measured_ones() -> None:
    limits = measured.measured_limits()
    assert limits
    for model, (few, crowd) in limits.items():
        entry = manifest.entry(model)
        assert (entry.doubt_few, entry.doubt_crowd) == (few, crowd)
