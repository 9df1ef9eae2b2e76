"""How many CPUs this process may use, which in a container is not what the host has."""

import os
from pathlib import Path

CGROUP_QUOTAS = (Path("/sys/fs/cgroup/cpu.max"), Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"))


def available() -> int:
    """Count the CPUs of this process: its affinity, cut to the cgroup's quota; at least 1."""
    allowed = len(os.sched_getaffinity(0))
    quotas = [quota for path in CGROUP_QUOTAS if (quota := _quota(path)) is not None]
    return max(1, min([allowed, *(int(quota) for quota in quotas)]))


def _quota(path: Path) -> float | None:
    """Read a cgroup's quota in CPUs: version 2 has `quota period` in one file, version 1 has two files."""
    try:
        words = path.read_text().split()
        if len(words) == 1:
            words.append(path.with_name("cpu.cfs_period_us").read_text())
        if words[0] in ("max", "-1"):
            return None
        return float(words[0]) / float(words[1])
    except (OSError, ValueError, IndexError, ZeroDivisionError):
        return None
