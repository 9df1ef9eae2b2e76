"""CPUs: what a container may use, not what its host has."""

from pathlib import Path

import pytest

from core.system import cpus


@pytest.mark.parametrize(
    ("text", "expected"),
    [("200000 100000", 2.0), ("max 100000", None), ("50000 100000", 0.5), ("", None), ("nonsense", None)],
)
def test_quota_of_cgroup_two(tmp_path: Path, text: str, expected: float | None) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert cpus._quota(tmp_path / "cpu.max") == expected


def test_quota_of_cgroup_one(tmp_path: Path) -> None:
    (tmp_path / "cpu.cfs_quota_us").write_text("150000\n")
    (tmp_path / "cpu.cfs_period_us").write_text("100000\n")
    assert cpus._quota(tmp_path / "cpu.cfs_quota_us") == 1.5


def test_available_is_cut_to_quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpu.max").write_text("30000 100000")
    monkeypatch.setattr(cpus, "CGROUP_QUOTAS", (tmp_path / "cpu.max", tmp_path / "missing"))
    assert cpus.available() == 1
