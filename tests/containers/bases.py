"""The images that the project's own are made from, and those that it runs beside them: made of Debian's packages."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from core.config import ROOT
from tests.containers import machines
from tests.containers.engine import DockerFailed, docker

STAND_INS = Path(__file__).parent / "stand_ins"
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
SUITES = ("bookworm", "trixie")
# In the order in which they are needed.
BASES = {
    "python:3.11-slim": "python",
    "valkey/valkey:8-alpine": "valkey",
    "postgres:17-alpine": "postgres",
    "chrislusf/seaweedfs:4.47": "seaweedfs",
    "nginx:1.28-alpine": "nginx",
}
LEFT_OUT = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/info",
)
SWIFT = ("__init__.py", "swift.py", "swift_cache.py", "ports.py")
LABEL = "recipe"
BOOTSTRAPPED = "minbase-slim"


def make(state: Path) -> None:
    """Make what is missing, or was made from other files."""
    for suite in SUITES:
        if _label(f"debian:{suite}") != BOOTSTRAPPED:
            _bootstrap(suite, state / "bootstrap")
    context = _context(state / "context")
    recipe = _digest(context)
    for image, name in BASES.items():
        if _label(image) != recipe:
            options = ["--quiet", "--label", f"{LABEL}={recipe}", "--file", str(context / f"{name}.Dockerfile")]
            docker("build", *options, "--tag", image, str(context))


def _bootstrap(suite: str, folder: Path) -> None:
    """Make the image debian:SUITE with debootstrap."""
    shutil.rmtree(folder, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", suite, str(folder), machines.mirror()]
    subprocess.run(command, check=True, capture_output=True)
    for name in LEFT_OUT:  # as in Debian's own slim images
        shutil.rmtree(folder / name)
    archive = folder.with_suffix(".tar")
    left_out = [f"--exclude=./{name}/*" for name in ("dev", "proc", "sys")]
    subprocess.run(["tar", "-C", str(folder), *left_out, "-cf", str(archive), "."], check=True)
    docker("import", f"--change=LABEL {LABEL}={BOOTSTRAPPED}", str(archive), f"debian:{suite}")
    archive.unlink()
    shutil.rmtree(folder)


def _context(folder: Path) -> Path:
    """Gather what the stand-ins are built from: also what this machine trusts, and where its pip looks."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(STAND_INS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "tests").mkdir()
    for name in SWIFT:
        shutil.copy(ROOT / "tests" / name, folder / "tests" / name)
    shutil.copy(ROOT / "requirements.lock", folder)
    shutil.copy(AUTHORITIES, folder / AUTHORITIES.name)
    (folder / "pip.conf").write_text(f"[global]\ncert = {AUTHORITIES}\n{_index()}")
    return folder


def _index() -> str:
    """Return the lines of pip's settings that name an index elsewhere than PyPI's own, if this machine has one."""
    done = subprocess.run(["pip", "config", "list"], capture_output=True, text=True, check=False)
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    found = {name.rpartition(".")[2]: value.strip("'\"") for name, _, value in pairs}
    return "".join(f"{name} = {found[name]}\n" for name in ("index-url", "trusted-host") if name in found)


def _digest(context: Path) -> str:
    digest = hashlib.sha256(BOOTSTRAPPED.encode())
    for path in sorted(path for path in context.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(context)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _label(image: str) -> str:
    """Return from what an image was made; '' if it isn't there."""
    try:
        return docker("image", "inspect", "--format", f'{{{{index .Config.Labels "{LABEL}"}}}}', image).strip()
    except DockerFailed:
        return ""
