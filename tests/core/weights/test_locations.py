"""Where a model is available, and which one is chosen."""

import subprocess
import sys
from pathlib import Path

import pytest

from core import config
from core.config import ROOT, Settings
from core.errors.startup import WeightsError
from core.weights import locations, manifest
from tests.core.weights.servers import FILES, WRONG, Server, named, put, with_mirror


def test_weights_import_stays_light() -> None:
    heavy = "{'onnxruntime', 'cv2', 'flask', 'celery', 'httpx'}"
    code = f"import sys, core.weights.locations; sys.exit(' '.join({heavy} & set(sys.modules)) or None)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_choose_knows_every_setting() -> None:
    for entry in manifest.entries():
        assert locations.choose(config.read(model=entry.name))[0] == entry


def test_checked_file_returns_the_right_file(settings: Settings, manifest_file: Path) -> None:
    path = put(settings, "scrfd_2.5g", FILES["scrfd_2.5g"])

    assert locations.checked_file("scrfd_2.5g", settings, manifest_file) == path


def test_checked_file_missing_names_the_command(settings: Settings, manifest_file: Path) -> None:
    with pytest.raises(WeightsError, match=r"is not there; .*face-api weights pull scrfd_10g$"):
        locations.checked_file("scrfd_10g", settings, manifest_file)


@pytest.mark.parametrize(("data", "problem"), [(WRONG, "has the sha256"), (WRONG[:5], "has 5 bytes")])
def test_checked_file_refuses_a_wrong_file(settings: Settings, manifest_file: Path, data: bytes, problem: str) -> None:
    put(settings, "scrfd_10g", data)

    with pytest.raises(WeightsError, match=f"{problem}.*face-api weights pull scrfd_10g$"):
        locations.checked_file("scrfd_10g", settings, manifest_file)


def test_installed_takes_the_best_here(settings: Settings, manifest_file: Path, mirror: Server) -> None:
    put(settings, "scrfd_10g", WRONG)
    put(settings, "centerface", FILES["centerface"])
    path = put(settings, "scrfd_500m", FILES["scrfd_500m"])

    entry, file = locations.installed(with_mirror(settings, mirror.url), manifest_file)

    assert (entry.name, file) == ("scrfd_500m", path)
    assert mirror.sent == []


def test_installed_nothing_names_the_command(settings: Settings, manifest_file: Path) -> None:
    with pytest.raises(WeightsError, match=r"no model is in .* face-api weights pull"):
        locations.installed(settings, manifest_file)


def test_choose_named_takes_that(settings: Settings, manifest_file: Path) -> None:
    put(settings, "scrfd_10g", FILES["scrfd_10g"])

    assert locations.choose(named(settings, "scrfd_500m"), manifest_file)[0].name == "scrfd_500m"


def test_choose_auto_prefers_the_first(settings: Settings, manifest_file: Path, mirror: Server) -> None:
    put(settings, "scrfd_500m", FILES["scrfd_500m"])
    del mirror.files["scrfd_10g.onnx"]

    entry, reason = locations.choose(with_mirror(settings, mirror.url), manifest_file)

    assert entry.name == "scrfd_2.5g"
    assert "the mirror" in reason
    assert "scrfd_10g is more accurate (research only): face-api weights pull scrfd_10g" in reason


def test_choose_auto_falls_back_to_free(settings: Settings, manifest_file: Path, server: Server) -> None:
    entry, reason = locations.choose(settings, manifest_file)

    assert entry.name == "centerface"
    assert "face-api weights pull scrfd_10g" in reason
    assert server.sent == []


def test_choose_auto_reports_wrong_files(settings: Settings, manifest_file: Path, tmp_path: Path) -> None:
    put(settings, "scrfd_10g", WRONG)
    (tmp_path / "scrfd_2.5g.onnx").write_bytes(WRONG)
    put(settings, "scrfd_500m", FILES["scrfd_500m"])

    entry, reason = locations.choose(with_mirror(settings, tmp_path), manifest_file)

    assert entry.name == "scrfd_500m"
    assert "weights/scrfd_10g.onnx has the sha256" in reason
    assert "scrfd_2.5g.onnx has the sha256" in reason


def test_choose_auto_survives_a_dead_mirror(settings: Settings, manifest_file: Path) -> None:
    put(settings, "scrfd_2.5g", FILES["scrfd_2.5g"])

    entry, reason = locations.choose(with_mirror(settings, "http://user:secret@127.0.0.1:1"), manifest_file)

    assert entry.name == "scrfd_2.5g"
    assert "the mirror http://127.0.0.1:1 can't be reached" in reason
    assert "secret" not in reason


def test_survey_rejects_wrong_sizes(settings: Settings, manifest_file: Path, mirror: Server) -> None:
    mirror.files["scrfd_10g.onnx"] = b"<html>please log in</html>"
    mirror.supports_range = False

    model = next(locations.survey(with_mirror(settings, mirror.url), manifest_file))

    assert model.availability is locations.Availability.MISSING
    assert "has 26 bytes" in model.notes[0]
