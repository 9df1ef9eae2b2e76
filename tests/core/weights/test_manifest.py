"""The manifest that is delivered: its models, their digests and licences."""

import re
from pathlib import Path

import pytest

from core.errors.startup import WeightsError
from core.weights import manifest


def test_manifest_agrees_with_the_contract() -> None:
    table = {entry.name: entry.wider_ap for entry in manifest.entries()}

    assert list(table) == ["scrfd_10g", "scrfd_2.5g", "scrfd_500m", "centerface"]
    assert table["scrfd_10g"] == (95.40, 94.01, 82.80)
    assert table["scrfd_2.5g"] == (93.80, 92.02, 77.13)
    assert table["scrfd_500m"] == (90.97, 88.44, 69.49)


def test_manifest_digests_are_whole() -> None:
    entries = manifest.entries()
    archives = [source for entry in entries for source in entry.sources if isinstance(source, manifest.Archive)]

    for digest in [entry.sha256 for entry in entries] + [archive.sha256 for archive in archives]:
        assert re.fullmatch(r"[0-9a-f]{64}", digest)
    assert len(archives) == 3
    assert all(archive.url.startswith("https://") for archive in archives)


def test_manifest_frees_only_centerface() -> None:
    assert {entry.name: (entry.commercial, entry.family) for entry in manifest.entries()} == {
        "scrfd_10g": (False, "scrfd"),
        "scrfd_2.5g": (False, "scrfd"),
        "scrfd_500m": (False, "scrfd"),
        "centerface": (True, "centerface"),
    }


def test_entry_unknown_lists_the_names(manifest_file: Path) -> None:
    with pytest.raises(WeightsError, match=r"'scrfd_1g'.* scrfd_10g, scrfd_2.5g"):
        manifest.entry("scrfd_1g", manifest_file)
