"""What a fresh machine relies on: the Makefile's list, the lock file, the declared dependencies."""

import ast
import configparser
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from core.config import ROOT

PACKAGES = ("core", "web", "worker", "admin", "migrations", "clients/python/face_api_client")
# Imported, and come with another.
PARTS = {"kombu": "celery", "markupsafe": "flask", "pydantic-core": "pydantic"}
# Declared, and imported by nobody here: why.
UNSEEN = {
    "gunicorn": "runs the web tier",
    "opentelemetry-exporter-otlp-proto-http": "is in the namespace of opentelemetry-sdk",
}
NAMES = {
    "argon2": "argon2-cffi",
    "cv2": "opencv-python-headless",
    "opentelemetry": "opentelemetry-sdk",
    "pil": "pillow",
    "psycopg2": "psycopg2-binary",
    "zipstream": "zipstream-ng",
}


def _setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def _distributions(lines: str) -> set[str]:
    """Return the names of requirements: without extras, versions and comments."""
    names = [re.match(r"[A-Za-z0-9._-]+", line) for line in lines.splitlines()]
    return {name.group().lower() for name in names if name}


def _imported() -> set[str]:
    """Return the distributions that the source imports, by the convention that both have one name."""
    found: set[str] = set()
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(str(node.module))
    tops = {name.split(".")[0] for name in found} - {
        *sys.stdlib_module_names,
        *(Path(package).name for package in PACKAGES),
    }
    return {NAMES.get(top.lower(), top.lower().replace("_", "-")) for top in tops}


def test_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    listed = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert targets
    assert re.findall(r"^  make ([\w-]+) +\w", listed, re.MULTILINE) == targets.group(1).split()


def test_dependencies_are_what_is_imported() -> None:
    setup = _setup()
    extras = setup["options.extras_require"]
    declared = _distributions("\n".join([setup["options"]["install_requires"], extras["openvino"], extras["otel"]]))
    assert {PARTS.get(name, name) for name in _imported()} | set(UNSEEN) == declared


def test_lock_names_every_dependency() -> None:
    setup = _setup()
    extras = setup["options.extras_require"]
    wanted = _distributions("\n".join([setup["options"]["install_requires"], *extras.values()]))
    locked = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if line and line[0].isalnum()]
    assert all("==" in line for line in locked)
    assert wanted - {"face-api"} <= _distributions("\n".join(locked))


def test_pyproject_says_what_setup_cfg_cannot() -> None:
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert found.keys() == {"build-system", "project", "tool"}
    assert found["project"].keys() == {"name", "dynamic"}
    assert found["tool"] == {"setuptools": {"packages": {"find": found["tool"]["setuptools"]["packages"]["find"]}}}


def test_ci_ends_with_the_tests() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert " test " in script.read_text().splitlines()[-1]
