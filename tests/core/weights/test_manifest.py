"""The manifest: what is delivered, where a file is, and which model is chosen."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from core import config
from core.config import ROOT, Settings
from core.errors import WeightsError
from core.weights import manifest
from tests.core.weights.servers import FILES, WRONG, Server, named, put, with_mirror


def test_manifest_agrees_with_the_contract() -> None:
    table = {entry.name: entry.wider_ap for entry in manifest.manifest()}

    assert list(table) == ["scrfd_10g", "scrfd_2.5g", "scrfd_500m", "centerface"]
    assert table["scrfd_10g"] == (95.40, 94.01, 82.80)
    assert table["scrfd_2.5g"] == (93.80, 92.02, 77.13)
    assert table["scrfd_500m"] == (90.97, 88.44, 69.49)


def test_manifest_digests_are_whole() -> None:
    entries = manifest.manifest()
    archives = [source for entry in entries for source in entry.sources if isinstance(source, manifest.Archive)]

    for digest in [entry.sha256 for entry in entries] + [archive.sha256 for archive in archives]:
        assert re.fullmatch(r"[0-9a-f]{64}", digest)
    assert len(archives) == 3
    assert all(archive.url.startswith("https://") for archive in archives)


def test_manifest_frees_only_centerface() -> None:
    assert {entry.name: (entry.commercial, entry.family) for entry in manifest.manifest()} == {
        "scrfd_10g": (False, "scrfd"),
        "scrfd_2.5g": (False, "scrfd"),
        "scrfd_500m": (False, "scrfd"),
        "centerface": (True, "centerface"),
    }


def test_manifest_covers_every_setting() -> None:
    for entry in manifest.manifest():
        assert manifest.choose(config.read(model=entry.name))[0] == entry


def test_weights_import_stays_light() -> None:
    heavy = "{'onnxruntime', 'cv2', 'flask', 'celery', 'httpx'}"
    code = f"import sys, core.weights.manifest; sys.exit(' '.join({heavy} & set(sys.modules)) or None)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# Finding


def test_locate_returns_the_right_file(settings: Settings, manifest_file: Path) -> None:
    path = put(settings, "scrfd_2.5g", FILES["scrfd_2.5g"])

    assert manifest.locate("scrfd_2.5g", settings, manifest_file) == path


def test_locate_missing_names_the_command(settings: Settings, manifest_file: Path) -> None:
    with pytest.raises(WeightsError, match=r"is not there; .*face-api weights pull scrfd_10g$"):
        manifest.locate("scrfd_10g", settings, manifest_file)


@pytest.mark.parametrize(("data", "said"), [(WRONG, "has the sha256"), (WRONG[:5], "has 5 bytes")])
def test_locate_refuses_a_wrong_file(settings: Settings, manifest_file: Path, data: bytes, said: str) -> None:
    put(settings, "scrfd_10g", data)

    with pytest.raises(WeightsError, match=f"{said}.*face-api weights pull scrfd_10g$"):
        manifest.locate("scrfd_10g", settings, manifest_file)


def test_entry_unknown_lists_the_names(manifest_file: Path) -> None:
    with pytest.raises(WeightsError, match=r"'scrfd_1g'.* scrfd_10g, scrfd_2.5g"):
        manifest.entry("scrfd_1g", manifest_file)


def test_located_takes_the_best_here(settings: Settings, manifest_file: Path, mirror: Server) -> None:
    put(settings, "scrfd_10g", WRONG)
    put(settings, "centerface", FILES["centerface"])
    path = put(settings, "scrfd_500m", FILES["scrfd_500m"])

    entry, found = manifest.located(with_mirror(settings, mirror.url), manifest_file)

    assert (entry.name, found) == ("scrfd_500m", path)
    assert mirror.sent == []


def test_located_nothing_names_the_command(settings: Settings, manifest_file: Path) -> None:
    with pytest.raises(WeightsError, match=r"no model is in .* face-api weights pull"):
        manifest.located(settings, manifest_file)


# Choosing


def test_choose_named_takes_that(settings: Settings, manifest_file: Path) -> None:
    put(settings, "scrfd_10g", FILES["scrfd_10g"])

    assert manifest.choose(named(settings, "scrfd_500m"), manifest_file)[0].name == "scrfd_500m"


def test_choose_auto_prefers_the_first(settings: Settings, manifest_file: Path, mirror: Server) -> None:
    put(settings, "scrfd_500m", FILES["scrfd_500m"])
    del mirror.files["scrfd_10g.onnx"]

    entry, reason = manifest.choose(with_mirror(settings, mirror.url), manifest_file)

    assert entry.name == "scrfd_2.5g"
    assert "the mirror" in reason
    assert "scrfd_10g is more accurate (research only): face-api weights pull scrfd_10g" in reason


def test_choose_auto_falls_back_to_free(settings: Settings, manifest_file: Path, server: Server) -> None:
    entry, reason = manifest.choose(settings, manifest_file)

    assert entry.name == "centerface"
    assert "face-api weights pull scrfd_10g" in reason
    assert server.sent == []


def test_choose_auto_tells_of_wrong_files(settings: Settings, manifest_file: Path, tmp_path: Path) -> None:
    put(settings, "scrfd_10g", WRONG)
    (tmp_path / "scrfd_2.5g.onnx").write_bytes(WRONG)
    put(settings, "scrfd_500m", FILES["scrfd_500m"])

    entry, reason = manifest.choose(with_mirror(settings, tmp_path), manifest_file)

    assert entry.name == "scrfd_500m"
    assert "weights/scrfd_10g.onnx has the sha256" in reason
    assert "scrfd_2.5g.onnx has the sha256" in reason


def test_choose_auto_survives_a_dead_mirror(settings: Settings, manifest_file: Path) -> None:
    put(settings, "scrfd_2.5g", FILES["scrfd_2.5g"])

    entry, reason = manifest.choose(with_mirror(settings, "http://user:secret@127.0.0.1:1"), manifest_file)

    assert entry.name == "scrfd_2.5g"
    assert "the mirror http://127.0.0.1:1 can't be reached" in reason
    assert "secret" not in reason


def test_survey_passes_over_wrong_sizes(settings: Settings, manifest_file: Path, mirror: Server) -> None:
    mirror.files["scrfd_10g.onnx"] = b"<html>please log in</html>"
    mirror.knows_range = False

    found = next(manifest.survey(with_mirror(settings, mirror.url), manifest_file))

    assert found.place is manifest.Availability.MISSING
    assert "has 26 bytes" in found.notes[0]
