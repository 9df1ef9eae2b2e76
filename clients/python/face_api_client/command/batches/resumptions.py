"""What `submit --resume` finds: whether it was asked for the same batch, and what has changed in the folder since."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from face_api_client.command.batches.journals import Journal, JournalError
from face_api_client.command.batches.outcomes import KnownFile
from face_api_client.command.batches.pictures import LocalPicture

FLAGS = {"name": "--name", "job_type": "--job-type", "webhook_url": "--webhook-url"}


@dataclass
class FolderChanges:
    """What is to be sent of a folder, and what can't be: by name, with the reason."""

    new: list[LocalPicture] = field(default_factory=list)
    unsent: list[tuple[str, str]] = field(default_factory=list)


def refuse_other_options(given: dict[str, Any], metadata: dict[str, str], *, recursive: bool) -> None:
    """JournalError names each option that was given and is not the batch's; one that was left out is the batch's."""
    asked: dict[str, Any] = json.loads(metadata.get("asked", "{}"))
    pairs = [(flag, given[name], asked.get(name)) for name, flag in FLAGS.items() if name in given]
    pairs += [
        (f"--{name.replace('_', '-')}", value, asked.get("options", {}).get(name))
        for name, value in given.get("options", {}).items()
    ]
    pairs += [("--recursive", True, metadata.get("recursive", "True") == "True")] if recursive else []
    others = [
        f"{flag} (it was {'not given' if was in (None, False) else was})" for flag, now, was in pairs if now != was
    ]
    if others:
        raise JournalError(
            f"the batch was begun with other options: {', '.join(others)}; leave them out, or choose another --out"
        )


def compare(folder: Path, files: Iterable[LocalPicture], journal: Journal) -> FolderChanges:
    """Compare a folder with the journal: by size and time of each file, and by digest where the time is another."""
    changes, is_open = FolderChanges(), journal.takes_files()
    known = journal.known_files()
    for file in files:
        before = known.get(file.name)
        if before is None:
            if is_open:
                changes.new.append(file)
            else:
                changes.unsent.append((file.name, "it is new, and the batch is closed"))
        elif before.sha256 and _is_changed(folder / file.name, file, before):
            changes.unsent.append((file.name, "it has changed since it was sent"))
    return changes


def _is_changed(path: Path, file: LocalPicture, before: KnownFile) -> bool:
    """Whether the bytes are others; a file that can't be read any more was sent as it was."""
    if file.size != before.size or file.mtime_ns == before.mtime_ns:
        return file.size != before.size
    try:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest() != before.sha256
    except OSError:
        return False
