"""What is installed is what was locked, and the documents name the GPL parts of it."""

import re
import tomllib
from importlib import metadata

from core.config import ROOT
from tests.docs import documents

LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
GPL_LIBRARIES = re.compile(r"/lib(x26[45])[-.]")


def locked(name: str) -> set[tuple[str, str]]:
    """Return the packages of a lock file, each with its version."""
    return {(package, version) for package, version in LOCKED.findall((ROOT / name).read_text())}


def test_hashed_lock_has_the_same_versions() -> None:
    (build,) = re.findall(r'^requires = \["(.*)"\]', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert locked("requirements.hashed.lock") - locked("requirements.lock") <= {tuple(build.split("=="))}


def test_every_package_has_hashes() -> None:
    text = (ROOT / "requirements.hashed.lock").read_text()
    entries = re.split(r"\n(?=[A-Za-z0-9])", text.partition("\n")[2])
    packages = [entry for entry in entries if LOCKED.match(entry)]
    assert len(packages) == len(LOCKED.findall(text)) > 50
    assert [entry.split()[0] for entry in packages if "--hash=sha256:" not in entry] == []


def test_hashed_lock_is_closed() -> None:
    """Whatever a locked package needs here is locked: pip is told to look for nothing else."""
    names = {normal(name) for name, _ in locked("requirements.hashed.lock")}
    needed = {
        normal(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0])
        for name in names & {normal(found.metadata["Name"]) for found in metadata.distributions()}
        for line in metadata.requires(name) or []
        if ";" not in line
    }
    declared = metadata.requires("face-api") or []
    needed |= {normal(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]) for line in declared if "extra" not in line}
    assert needed <= names


def test_client_is_of_the_services_version() -> None:
    """One repository, one changelog; and the service, which brings the client along, has what that needs."""
    client = tomllib.loads((ROOT / "clients/python/pyproject.toml").read_text())["project"]
    assert client["version"] == metadata.version("face-api")
    needed = {normal(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]) for line in client["dependencies"]}
    assert needed <= {normal(name) for name, _ in locked("requirements.hashed.lock")} and len(needed) == 3
    assert (ROOT / "clients/python/LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_gpl_parts_of_wheels_are_named() -> None:
    """The libraries that wheels bring along: which of the service's have x264 or x265."""
    names = {normal(name) for name, _ in locked("requirements.hashed.lock")}
    found = {
        (normal(one.metadata["Name"]), library)
        for one in metadata.distributions()
        for file in one.files or []
        for library in GPL_LIBRARIES.findall(f"/{file}")
        if normal(one.metadata["Name"]) in names
    }
    table = documents.rows(documents.section(documents.DOCS / "supply-chain.md", "GPL parts"))
    cells = [(documents.coded(package), documents.coded(library)) for package, library, *_ in table]
    told = {(package, library) for packages, libraries in cells for package in packages for library in libraries}
    assert found == told


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
