"""Which objects below a prefix become items: those whose like the command takes from a folder."""

from pathlib import Path

from sqlalchemy import select

from core.batches import bucket_imports
from core.database.engine import SessionFactory
from core.database.models import BatchItem
from core.pictures import suffixes
from core.storage.folder import FolderStore
from face_api_client.command.batches import pictures
from face_api_client.command.batches.pictures import SkippedFiles
from tests.core.batches.made import begun

NAMES = [f"picture{suffix}" for suffix in suffixes.OF_PICTURES] + [
    "LOUD.HIF",
    "notes.txt",
    "moving.gif",
    "jpg",
    "a.jpg.zip",
]


def test_prefix_and_folder_take_the_same_files(sessions: SessionFactory, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store", 60)
    for name in NAMES:
        store.put(f"in/{name}", b"x", "image/png")
    with sessions() as session:
        batch = begun(session, prefix="in/")
    assert bucket_imports.import_prefix(store, sessions, batch) == len(suffixes.OF_PICTURES) + 1
    with sessions() as session:
        imported = set(session.scalars(select(BatchItem.name)))
    walked = pictures.walk(tmp_path / "store" / "in", tmp_path / "out", SkippedFiles(), recursive=False)
    assert imported == {picture.name for picture in walked}
    assert {"LOUD.HIF", "picture.dib", "picture.avifs"} < imported
