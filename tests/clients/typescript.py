"""The TypeScript client: its packages, installed once for each change of their list, and its generated types.

`python -m tests.clients.typescript` writes the types anew from the description; it needs Node and npm.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from core import config, services
from core.config import ROOT
from web.app import create_app

FOLDER = ROOT / "clients" / "typescript"
TYPES = FOLDER / "src" / "schema.ts"
LIST, STAMP = FOLDER / "package-lock.json", FOLDER / "node_modules" / ".installed"
LOCK = ROOT / "build" / "npm.lock"
NEEDED = (20, 19)  # of @redocly/cli
INSTALL = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
INSTALLED_WITHIN_S, RUN_WITHIN_S = 180, 120


def description() -> dict[str, Any]:
    """Return the description, as every service answers it."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(services.build(config.read(var_dir=Path(folder))))
        found: dict[str, Any] = app.test_client().get("/openapi/openapi.json").get_json()
    return found


def written(document: dict[str, Any]) -> str:
    """Return a description as the file that the types are made of: the same text for the same content."""
    return json.dumps(document, indent=1, sort_keys=True)


def banner(document: dict[str, Any]) -> str:
    """Return the first line of the types: by it, they are known to be current without Node."""
    digest = hashlib.sha256(written(document).encode()).hexdigest()
    return f"// Made by `make clients` of the OpenAPI description with the SHA-256 {digest}\n"


def types(document: dict[str, Any], folder: Path) -> str:
    """Return the types of a description. folder: where its file is put."""
    file, made = folder / "openapi.json", folder / "schema.ts"
    file.write_text(written(document))
    run("npx", "--no-install", "openapi-typescript", str(file), "--default-non-nullable=false", "--output", str(made))
    return banner(document) + made.read_text()


def run(*command: str, **env: str) -> str:
    """Run a program of Node in the client's folder, its packages installed; what it says when it fails is told."""
    installed()
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}
    ran = subprocess.run(
        command,
        cwd=FOLDER,
        env=os.environ | quiet | env,
        capture_output=True,
        text=True,
        timeout=RUN_WITHIN_S,
        check=False,
    )
    said = ran.stdout + ran.stderr
    assert ran.returncode == 0, said[-6000:]
    return said


@cache
def installed() -> None:
    """Install the packages of the lock file, unless they are there; without a way to, skip: in CI, fail."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node and npm are not installed: the TypeScript client is not tested")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if tuple(map(int, version.removeprefix("v").split(".")[:2])) < NEEDED:
        pytest.skip(f"Node {version} is too old to test the TypeScript client: {NEEDED[0]}.{NEEDED[1]} is needed")
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if not (STAMP.exists() and STAMP.read_text() == _wanted()):
            _install()


def _install() -> None:
    ran = subprocess.run(INSTALL, cwd=FOLDER, capture_output=True, text=True, timeout=INSTALLED_WITHIN_S, check=False)
    if ran.returncode:
        reason = f"npm can't install what the TypeScript client's tests need: {ran.stderr[-500:]}"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    STAMP.write_text(_wanted())


def _wanted() -> str:
    return hashlib.sha256(LIST.read_bytes()).hexdigest()


def built() -> None:
    """Compile the client into its folder `dist`."""
    installed()
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run("npm", "run", "--silent", "build")


def compiled(code: str, folder: Path) -> Path:
    """Compile a program that uses the client, as strictly as TypeScript can; return its JavaScript, ready to run."""
    built()
    modules, program = folder / "node_modules", folder / "program.ts"
    modules.mkdir(exist_ok=True)
    (modules / "face-api-client").symlink_to(FOLDER)
    (folder / "package.json").write_text('{"type": "module"}')
    program.write_text(code)
    types = str(FOLDER / "node_modules" / "@types")
    options = {"module": "NodeNext", "target": "ES2022", "strict": True, "types": ["node"], "typeRoots": [types]}
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": [program.name]}))
    run("npx", "--no-install", "tsc", "--project", str(folder))
    return program.with_suffix(".js")


def main() -> None:
    """Write the types."""
    with tempfile.TemporaryDirectory() as folder:
        TYPES.write_text(types(description(), Path(folder)))
    sys.stdout.write(f"wrote {TYPES.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
