"""The Dockerfiles: what is in them, and that it is enough."""

import configparser
import re
import subprocess
import sys
import tomllib

import pytest

from core.config import ROOT
from tests.compose import files

# What only a worker needs, and the module of each.
PACKAGES_OF_PIXELS = {
    "av": "av",
    "numpy": "numpy",
    "onnx": "onnx",
    "onnxruntime": "onnxruntime",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "pillow-heif": "pillow_heif",
    "simplejpeg": "simplejpeg",
}
# What only web needs.
PACKAGES_OF_HTTP = {
    "authlib": "authlib",
    "cryptography": "cryptography",
    "flask": "flask",
    "flask-limiter": "flask_limiter",
    "flask-openapi3": "flask_openapi3",
    "flask-openapi3-redoc": "flask_openapi3_redoc",
    "flask-openapi3-swagger": "flask_openapi3_swagger",
    "gunicorn": "gunicorn",
    "jinja2": "jinja2",
    "joserfc": "joserfc",
    "werkzeug": "werkzeug",
}
WORKER = ["worker." + path.stem for path in sorted((ROOT / "worker").glob("[a-z]*.py"))]
DOCKERFILES = ["web.Dockerfile", "worker.Dockerfile"]


def copied(name: str) -> list[str]:
    """Return what is copied from the repository."""
    lines = [rest.split() for word, rest in files.dockerfile(name) if word == "COPY" and "--from" not in rest]
    return [source for *sources, _ in lines for source in sources]


@pytest.mark.parametrize("name", DOCKERFILES)
def test_copied_files_exist(name: str) -> None:
    assert [source for source in copied(name) if not (ROOT / source).exists()] == []


@pytest.mark.parametrize("name", DOCKERFILES)
def test_build_context_is_what_is_copied(name: str) -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*", "whatever is not named stays outside"
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == set(copied(name))


@pytest.mark.parametrize("name", DOCKERFILES)
def test_every_package_is_copied(name: str) -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    names = {line.rstrip("*") for line in found["include"]}
    # They lie in the root, or below one of the other folders.
    places = {f"{where}/{name}".removeprefix("./") for name in names for where in found["where"]}
    packages = {place for place in places if (ROOT / place).is_dir()}
    assert len(packages) == len(names)
    modules = {f"{line}.py" for line in setup["options"]["py_modules"].split()}
    assert packages | modules <= set(copied(name))


@pytest.mark.parametrize("name", DOCKERFILES)
def test_no_model_is_inside(name: str) -> None:
    assert [source for source in copied(name) if "weights" in source] == ["weights/manifest.toml"]
    assert "pull" not in (files.FOLDER / name).read_text()


@pytest.mark.parametrize("name", DOCKERFILES)
def test_image_is_built_in_stages(name: str) -> None:
    instructions = files.dockerfile(name)
    stages = [rest for word, rest in instructions if word == "FROM"]
    assert stages == ["python:3.11-slim AS packages", "packages AS build", "python:3.11-slim"]
    final = [word for word, _ in instructions][[rest for _, rest in instructions].index("python:3.11-slim") :]
    assert {"USER", "HEALTHCHECK", "CMD"} <= set(final)
    steps = " && ".join(rest for word, rest in instructions if word == "RUN")
    installs = re.findall(r"pip install (.*?)(?= &&|$)", re.sub(r"\s+", " ", steps))
    assert [("--require-hashes" in one, "--no-build-isolation" in one) for one in installs] == [
        (True, False),
        (False, True),
    ]
    assert all("--no-deps" in one for one in installs), "nothing comes without a hash"


def test_packages_are_installed_once_for_both() -> None:
    first, second = (stage(name, "packages") for name in DOCKERFILES)
    assert first == second, "the builder runs equal steps once"
    assert [rest for word, rest in first if word == "COPY"] == ["requirements.hashed.lock /"], (
        "no source is before them"
    )


@pytest.mark.parametrize("name", DOCKERFILES)
def test_nothing_can_be_installed_in_an_image(name: str) -> None:
    (step,) = [rest for word, rest in stage(name, "build") if word == "RUN"]
    assert "pip uninstall --yes setuptools pip" in step


def stage(name: str, wanted: str) -> list[tuple[str, str]]:
    """Return the instructions of a stage."""
    instructions = files.dockerfile(name)
    starts = [place for place, (word, _) in enumerate(instructions) if word == "FROM"]
    (start,) = [place for place in starts if instructions[place][1].endswith(f" AS {wanted}")]
    return instructions[start : min(place for place in starts if place > start)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "packages", "programs"),
    [
        ("web.Dockerfile", PACKAGES_OF_PIXELS, "admin.main, web.app, migrations"),
        ("worker.Dockerfile", PACKAGES_OF_HTTP, ", ".join(["admin.main", "core.vision.runtimes.choices", *WORKER])),
    ],
)
def test_image_needs_none_of_what_it_lacks(name: str, packages: dict[str, str], programs: str) -> None:
    """The image has none of these packages; None in sys.modules makes their import fail as there."""
    steps = [step for _, rest in files.dockerfile(name) for step in rest.split("&&")]
    removed, _ = [step.partition("pip uninstall --yes ")[2].split() for step in steps if "pip uninstall" in step]
    assert set(removed) == packages.keys()
    modules = [packages[package] for package in removed]
    code = f"import sys; sys.modules.update(dict.fromkeys({modules}))\nimport {programs}"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=120)
