"""What only the folder does."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from core import config
from core.errors import StorageUnavailable
from core.storage import objects
from tests.core.storage.stores import IMAGE, KEY, built, fetch, keys


def test_folder_is_for_its_user_alone(tmp_path: Path) -> None:
    store = built(var_dir=tmp_path / "var")
    store.put(KEY, b"x", "image/jpeg")
    store.link(KEY, "photo.jpg", "image/jpeg")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "var").rglob("*")}
    assert (modes["objects"], modes["photo.jpg"], modes["link-secret"]) == (0o700, 0o600, 0o600)


def test_folder_leaves_no_empty_folders(tmp_path: Path) -> None:
    store = built(var_dir=tmp_path)
    for name in ("a.jpg", "b.jpg"):
        store.put(objects.original_key(IMAGE, name), b"x", "image/jpeg")
    for name in ("a.jpg", "b.jpg"):
        store.delete(objects.original_key(IMAGE, name))
    assert [path.name for path in (tmp_path / "objects").rglob("*")] == ["originals"]


def test_folder_lists_no_name_that_is_no_text(tmp_path: Path) -> None:
    store = built(var_dir=tmp_path)
    store.put("press/a.jpg", b"x", "image/jpeg")
    (tmp_path / "objects" / "press" / os.fsdecode(b"\xff.jpg")).write_bytes(b"x")
    assert keys(store, "press/") == ["press/a.jpg"]


def test_folder_tells_of_killed_write(tmp_path: Path) -> None:
    """What a killed process leaves of a picture is found like any orphan, and deleted."""
    code = (
        "import os, pathlib, sys; from core.storage.folder import FolderStore\n"
        "pathlib.Path.replace = lambda *_: os._exit(9)\n"
        "FolderStore(pathlib.Path(sys.argv[1]), 1).put(sys.argv[2], b'x', 'image/jpeg')"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "objects"), KEY]
    assert subprocess.run(command, check=False, cwd=config.ROOT).returncode == 9
    store = built(var_dir=tmp_path)
    (left,) = keys(store, "originals/")
    assert left != KEY
    store.delete(left)
    assert keys(store) == []


def test_folder_link_forbids_sniffing(tmp_path: Path) -> None:
    store = built(var_dir=tmp_path)
    store.put(KEY, b"x", "image/jpeg")
    assert fetch(store, store.link(KEY, "photo.jpg", "image/jpeg"))[1]["X-Content-Type-Options"] == "nosniff"


def test_folder_damaged_secret_signs_nothing(tmp_path: Path) -> None:
    (tmp_path / "link-secret").write_bytes(b"")
    with pytest.raises(StorageUnavailable):
        built(var_dir=tmp_path).link(KEY, "photo.jpg", "image/jpeg")
