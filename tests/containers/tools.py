"""Docker's and Debian's tools: packages that are unpacked beside the system, so that nothing is installed."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.containers import machines

# Programs in Go run on an older system as well; those in C are this one's.
PACKAGES = {
    "trixie": ("docker.io", "docker-cli", "docker-compose", "docker-buildx", "containerd"),
    "bookworm": (
        *(
            "runc",
            "tini",
            "debootstrap",
            "slirp4netns",
            "libslirp0",
            "iptables",
            "libxtables12",
            "libip4tc2",
            "libip6tc2",
        ),
        *("libmnl0", "libnftnl11", "libnfnetlink0", "libnetfilter-conntrack3"),
    ),
}
IPTABLES = ("iptables", "ip6tables")
WITHIN_S = 600


class Unavailable(Exception):
    """This machine could run the tests, but something that they need can't be had."""


def unpacked(state: Path) -> Path:
    """Return the folder of the unpacked packages, fetched if they are not there yet."""
    root, complete = state / "root", state / "root.complete"
    if not complete.exists():
        shutil.rmtree(root, ignore_errors=True)
        for package in _fetched(state):
            _run(["dpkg", "-x", str(package), str(root)])
        for name in IPTABLES:  # links that an installation makes
            for end in ("", "-save", "-restore"):
                (root / f"usr/sbin/{name}{end}").symlink_to("xtables-nft-multi")
        complete.touch()
    return root


def environment(root: Path) -> dict[str, str]:
    """Return the environment in which the tools find each other."""
    libraries = root / "usr/lib/x86_64-linux-gnu"
    own = {
        "PATH": f"{root}/usr/sbin:{root}/usr/bin:{os.environ['PATH']}",
        "LD_LIBRARY_PATH": str(libraries),
        "XTABLES_LIBDIR": str(libraries / "xtables"),
        "DEBOOTSTRAP_DIR": str(root / "usr/share/debootstrap"),
        "DOCKER_CONFIG": str(root.parent / "client"),
        "DOCKER_HOST": "unix:///run/docker.sock",
    }
    return {name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")} | own


def _fetched(state: Path) -> list[Path]:
    """Download the packages with an apt of its own settings: the system's lists stay as they are."""
    folder, apt = state / "packages", state / "apt"
    for path in (folder, apt / "lists/partial", apt / "cache/archives/partial"):
        path.mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()
    (apt / "sources.list").write_text("".join(_sources()))
    settings = {
        "Dir::Etc::sourcelist": apt / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt / "cache",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    (apt / "apt.conf").write_text("".join(f'{name} "{value}";\n' for name, value in settings.items()))
    env = os.environ | {"APT_CONFIG": str(apt / "apt.conf")}
    _run(["apt-get", "update", "-qq"], env=env)
    wanted = [f"{package}/{suite}" for suite, packages in PACKAGES.items() for package in packages]
    for old in folder.glob("*.deb"):
        old.unlink()
    _run(["apt-get", "download", "-qq", *wanted], env=env, cwd=folder)
    return sorted(folder.glob("*.deb"))


def _sources() -> list[str]:
    mirror, signed = machines.mirror(), f"[signed-by={machines.KEYRING}]"
    return [f"deb {signed} {mirror} {suite} main\n" for suite in PACKAGES]


def _run(command: list[str], *, env: dict[str, str] | None = None, cwd: Path | None = None) -> None:
    try:
        subprocess.run(command, check=True, env=env, cwd=cwd, capture_output=True, text=True, timeout=WITHIN_S)
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"{command[0]} fails: {str(error.stderr).strip()}") from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{command[0]} takes longer than {WITHIN_S} s") from error
