"""Whether this machine can run a Docker Engine as these tests do."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

SOURCES = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d"))
MIRROR = re.compile(r"\bhttps?://\S+/debian/?(?=\s|$)")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
COMMANDS = ("apt-get", "dpkg", "ip", "mount", "openssl", "unshare", "wget")


def problem() -> str:
    """Return why this machine can't; '' if it can."""
    return next(_problems(), "")


def _problems() -> Iterator[str]:
    if os.geteuid():
        yield "only root can start a Docker Engine"
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    if (release.get("ID"), release.get("VERSION_ID"), platform.machine()) != ("debian", "12", "x86_64"):
        yield "made for Debian 12 on x86-64"
    if missing := [name for name in COMMANDS if not shutil.which(name)]:
        yield f"{', '.join(missing)} is missing"
    if "overlay" not in Path("/proc/filesystems").read_text():
        yield "the kernel has no overlay file system"
    if not Path("/dev/net/tun").exists() or not _has_memory_cgroups():
        yield "the kernel has no TUN device, or no memory cgroups"
    apart = ["unshare", "--net", "--mount", "--pid", "--fork", "true"]
    if subprocess.run(apart, capture_output=True, check=False).returncode:
        yield "no namespaces can be made here"
    if not (mirror() and KEYRING.exists()):
        yield "apt's settings name no mirror of Debian"


def mirror() -> str:
    """Return the mirror of Debian that apt uses; '' without one."""
    files = [SOURCES[0], *sorted(SOURCES[1].glob("*"))] if SOURCES[1].is_dir() else [SOURCES[0]]
    for file in files:
        lines = file.read_text().splitlines() if file.is_file() else []
        for line in lines:
            if not line.lstrip().startswith("#") and (found := MIRROR.search(line)):
                return found.group().rstrip("/")
    return ""


def _has_memory_cgroups() -> bool:
    controllers = Path("/sys/fs/cgroup/cgroup.controllers")
    return Path("/sys/fs/cgroup/memory").is_dir() or (controllers.exists() and "memory" in controllers.read_text())
