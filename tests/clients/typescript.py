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
# Where there is no way to npm's packages, that is known soon.
SOON = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=20000"]
INSTALL = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *SOON]
INSTALLED_WITHIN_S, RUN_WITHIN_S = 120, 300


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
    """Run a program of Node in the client's folder, its packages installed; return what it writes."""
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
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[-6000:]
    return ran.stdout


def installed() -> None:
    """Install the packages of the lock file, unless they are there; without a way to, skip, or fail in CI."""
    if reason := _too_little():
        pytest.skip(f"{reason}: the TypeScript client is not tested")
    if reason := _installation():
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


def _too_little() -> str:
    if not (shutil.which("node") and shutil.which("npm")):
        return "Node and npm are not installed"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    is_new = tuple(map(int, version.removeprefix("v").split(".")[:2])) >= NEEDED
    return "" if is_new else f"Node {version} is older than {NEEDED[0]}.{NEEDED[1]}"


@cache
def _installation() -> str:
    """Return why it has failed; tried once in each process, and done once for each change of the list."""
    wanted = hashlib.sha256(LIST.read_bytes()).hexdigest()
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if STAMP.exists() and STAMP.read_text() == wanted:
            return ""
        try:
            subprocess.run(INSTALL, cwd=FOLDER, capture_output=True, timeout=INSTALLED_WITHIN_S, check=True)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
            said = (error.stderr or b"").decode(errors="replace")[:200]
            return f"npm can't install what the TypeScript client's tests need: {said or error}"
        STAMP.write_text(wanted)
    return ""


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
