"""kill -9 between any two steps of a backup or a restore: the next run goes on, and the end is whole."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from admin.backups import backups, restores
from core import config
from tests import databases
from tests.admin.backups.conftest import MakePlace
from tests.admin.backups.places import BackupPlace
from tests.stack import ROOT

DONE_WITHIN_S = 300


def told(_line: str) -> None:
    """Take what is told of the progress."""


def run_killed(action: str, place: BackupPlace, folder: Path, stride: int = 1) -> dict[str, int]:
    """Have an action killed at each of its steps, or some, and then done undisturbed; return what it says of that."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(config.PREFIX)}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.admin.backups.killed", action, str(folder), str(stride)],
        cwd=ROOT,
        env=inherited | place.environment(),
        capture_output=True,
        text=True,
        timeout=DONE_WITHIN_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    told: dict[str, int] = json.loads(ran.stdout)
    return told


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_killed_backup_goes_on(make_place: MakePlace, target: BackupPlace, tmp_path: Path, kind: str) -> None:
    source = make_place(kind).filled(images=2)
    ran = run_killed("backup", source, tmp_path / "backup")
    assert ran["killed"] >= 20
    assert ran["last"] == 0, "objects were copied again that had been copied"
    left = [path.name for path in (tmp_path / "backup").rglob("*") if path.name.endswith(".part")]
    assert left == [], "what killed runs have left"
    restores.restore(target.settings, tmp_path / "backup", told)
    assert (target.lines(), target.objects()) == (source.lines(), source.objects())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_killed_restore_goes_on(source: BackupPlace, make_place: MakePlace, tmp_path: Path, kind: str) -> None:
    target = make_place(kind)
    databases.migrate(target.settings)
    backups.back_up(source.settings, tmp_path / "backup", told)
    ran = run_killed("restore", target, tmp_path / "backup")
    assert ran["killed"] >= 20
    assert ran["last"] == 0, "objects were stored again that had been stored"
    assert (target.lines(), target.told()) == (source.lines(), source.told())
    whole = {key: digest for key, digest in target.objects().items() if not key.endswith(".part")}
    assert whole == source.objects()


@pytest.mark.slow
def test_restore_that_was_killed_while_making_tables_goes_on(
    source: BackupPlace, target: BackupPlace, tmp_path: Path
) -> None:
    backups.back_up(source.settings, tmp_path / "backup", told)
    assert run_killed("restore", target, tmp_path / "backup", stride=45)["killed"] >= 4
    assert target.lines() == source.lines()


def test_half_a_restore_has_no_row(source: BackupPlace, target: BackupPlace, tmp_path: Path) -> None:
    backups.back_up(source.settings, tmp_path / "backup", told)
    databases.migrate(target.settings)
    with target.sessions.begin() as session:
        session.connection().exec_driver_sql(
            "CREATE TRIGGER fails BEFORE INSERT ON webhook_deliveries BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    with pytest.raises(Exception, match="full"):
        restores.restore(target.settings, tmp_path / "backup", told)
    assert not any(target.lines().values())
    assert target.objects() == source.objects()
