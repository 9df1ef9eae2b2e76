"""`face-api weights`, run as a command against a small manifest."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from admin.weights import weights

FILES = {"scrfd_10g": b"large" * 100, "scrfd_2.5g": b"small" * 100, "centerface": b"free" * 100}
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command with its folder and mirror in tmp_path, and no official source that answers."""
    rows = [
        f'[[weights]]\nname = "{name}"\nfamily = "scrfd"\nfile = "{name}.onnx"\nbytes = {len(data)}\n'
        f'sha256 = "{hashlib.sha256(data).hexdigest()}"\nlicence = "{"MIT" if name == "centerface" else "research"}"\n'
        f'commercial = {str(name == "centerface").lower()}\nnotice = "Ask first."\ngflops = 1\nint8 = false\n'
        "min_face = 22\ndoubt_sides = []\ndoubt_few = [0.5]\ndoubt_crowd = [0.5]\n"
        ""
        'wider_ap = [95.4, 94.01, 82.8]\nwider_ap_source = "the authors"\n'
        '[[weights.sources]]\nkind = "archive"\nmember = "x"\nbytes = 1\n'
        'sha256 = ""\nurl = "http://127.0.0.1:1/x.zip"\n'
        for name, data in FILES.items()
    ]
    (tmp_path / "manifest.toml").write_text("".join(rows))
    for folder in ("weights", "mirror"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("FACE_API_WEIGHTS_DIR", str(tmp_path / "weights"))
    monkeypatch.setenv("FACE_API_WEIGHTS_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("FACE_API_MODEL", "auto")

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(weights, ["--manifest", str(tmp_path / "manifest.toml"), *arguments])

    return invoke


def put(folder: Path, name: str, data: bytes = b"") -> None:
    (folder / f"{name}.onnx").write_bytes(data or FILES[name])


def line_of(name: str, output: str) -> str:
    return next(line for line in output.splitlines() if name in line)


def test_list_shows_where_models_are(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "weights", "centerface")
    put(tmp_path / "mirror", "scrfd_2.5g")

    result = run("list")

    assert result.exit_code == 0
    assert line_of("scrfd_10g", result.stdout).split()[:5] == ["scrfd_10g", "research", "0.0", "MB", "missing"]
    assert line_of("scrfd_2.5g", result.stdout).startswith("*  scrfd_2.5g")
    assert "in the mirror  95.40 / 94.01 / 82.80" in line_of("scrfd_2.5g", result.stdout)
    assert "MB  here" in line_of("centerface", result.stdout)
    assert "scrfd_10g, scrfd_2.5g, centerface: the authors" in result.stdout


def test_list_marks_a_missing_model(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACE_API_MODEL", "scrfd_10g")

    result = run("list")

    assert "* scrfd_10g: FACE_API_MODEL names it; it is fetched with: face-api weights pull scrfd_10g" in result.stdout


def test_list_warns_of_wrong_files(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "weights", "scrfd_10g")
    put(tmp_path / "weights", "centerface", b"wrong")

    assert "centerface.onnx has 5 bytes instead of 400" in run("list").stderr


def test_pull_fetches_several(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "mirror", "scrfd_10g")
    put(tmp_path / "mirror", "centerface")

    result = run("pull", "scrfd_10g", "centerface")

    assert result.exit_code == 0
    assert result.stdout.index("scrfd_10g is for research. Ask first.") < result.stdout.index("is there, size")
    assert "centerface is for" not in result.stdout
    assert (tmp_path / "weights" / "centerface.onnx").read_bytes() == FILES["centerface"]


def test_pull_fails_in_one_line(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "mirror", "centerface")

    result = run("pull", "scrfd_10g", "centerface")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: scrfd_10g could not be fetched: ")
    assert result.stderr.count("\n") == 1
    assert (tmp_path / "weights" / "centerface.onnx").exists()


def test_pull_auto_fetches_what_auto_uses(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "mirror", "scrfd_2.5g")
    put(tmp_path / "mirror", "centerface")

    result = run("pull", "auto")

    assert result.exit_code == 0
    assert "scrfd_2.5g: it is the most accurate that is in the mirror" in result.stdout
    assert [file.name for file in (tmp_path / "weights").iterdir()] == ["scrfd_2.5g.onnx"]


def test_pull_refuses_unknown_names_before_it_fetches(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "mirror", "centerface")

    result = run("pull", "auto", "centerface", "scrfd_1g")

    assert result.exit_code == 1
    assert list((tmp_path / "weights").iterdir()) == []


@pytest.mark.parametrize("command", ["pull", "verify"])
def test_unknown_name_is_refused(run: Run, command: str) -> None:
    result = run(command, "scrfd_1g")

    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "the models are scrfd_10g, scrfd_2.5g, centerface" in result.stderr


def test_wrong_settings_are_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACE_API_MODEL", "scrfd_1g")

    result = run("list")

    assert result.exit_code == 1
    assert "FACE_API_MODEL" in result.stderr


def test_verify_passes_over_missing_files(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "weights", "scrfd_10g")

    result = run("verify")

    assert result.exit_code == 0
    assert "scrfd_10g.onnx is right" in result.stdout
    assert "scrfd_2.5g.onnx is not there" in result.stdout


def test_verify_fails_on_wrong_files(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "weights", "scrfd_10g", b"w" * 500)

    result = run("verify")

    assert result.exit_code == 1
    assert "scrfd_10g.onnx has the sha256" in result.stdout
    assert result.stderr.endswith("face-api weights pull scrfd_10g\n")


def test_verify_named_must_be_there(run: Run, tmp_path: Path) -> None:
    put(tmp_path / "weights", "scrfd_10g", b"w" * 500)

    assert run("verify", "centerface").exit_code == 1
    put(tmp_path / "weights", "centerface")
    assert run("verify", "centerface").exit_code == 0
