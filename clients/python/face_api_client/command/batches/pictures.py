"""The pictures of a local folder, and the file names of their results."""

import os
import posixpath
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from face_api_client.command import suffixes, terminals, tree_names
from face_api_client.command.batches.outcomes import Failure
from face_api_client.command.tree_names import TreeNames

MAX_NAME_LENGTH = 500  # characters; the service accepts no longer ones
# The suffix of a result by its format, and equivalent suffixes.
RESULT_SUFFIXES = {kind: equivalent[0] for kind, equivalent in suffixes.OF_RESULTS.items()} | {"json": ".json"}
EQUIVALENT_SUFFIXES = {equivalent[0]: frozenset(equivalent) for equivalent in suffixes.OF_RESULTS.values()}


@dataclass(frozen=True)
class LocalPicture:
    """A picture to upload. name: its path below the folder, with `/` between the parts."""

    name: str
    size: int
    mtime_ns: int = field(default=0, compare=False)


@dataclass
class SkippedFiles:
    """The files that a walk skipped, and why. unsendable: pictures whose names can't be sent.

    Names are as a terminal may show them.
    """

    left_out: list[tuple[str, str]] = field(default_factory=list)
    unsendable: list[Failure] = field(default_factory=list)


def walk(folder: Path, out: Path, skipped: SkippedFiles, *, recursive: bool) -> Iterator[LocalPicture]:
    """Yield the pictures of a folder, without those below `out`; OSError names a folder that can't be read.

    Hidden files and folders are skipped, and so is a link that leads out of the folder: other people's files must not
    be uploaded by accident. A picture is recognised by its suffix here; the service checks its content.
    """
    root, excluded = folder.resolve(), str(out.resolve())
    folders, prefix_length = [str(root)], len(str(root).rstrip("/")) + 1
    while folders:
        with os.scandir(folders.pop()) as entries:
            visible = sorted(
                (entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name
            )
        for entry in visible:
            name = entry.path[prefix_length:]
            if entry.is_dir(follow_symlinks=False):
                folders += [entry.path] if recursive and entry.path != excluded else []
            elif why := _why_left_out(entry, root):
                skipped.left_out.append((terminals.printable(name), why))
            elif problem := _name_problem(name):
                size = entry.stat().st_size
                skipped.unsendable.append(Failure(terminals.printable(name), "unsendable_name", problem, size=size))
            else:
                status = entry.stat()
                yield LocalPicture(name, status.st_size, status.st_mtime_ns)


def _why_left_out(entry: "os.DirEntry[str]", root: Path) -> str:
    """Return why a file or a link is not sent; empty if it is."""
    if entry.is_symlink() and entry.is_dir():
        return "a link to a folder, which is not followed"
    if not suffixes.is_picture(entry.name):
        return "its suffix is none of a format that is read"
    if entry.is_symlink() and not Path(entry.path).exists():
        return "a link that leads nowhere"
    if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(root):
        return "a link out of the folder"
    return "" if entry.is_file() else "it is no regular file"


def _is_printable(name: str) -> bool:
    """Whether it is valid Unicode without control characters."""
    return not any(unicodedata.category(character) in {"Cc", "Cs"} for character in name)


def _name_problem(name: str) -> str:
    """Return why a name would not arrive unchanged: a multipart file name doesn't distinguish a quote from `%22`."""
    if not _is_printable(name):
        return "its name has characters that can't be shown"
    if len(name) > MAX_NAME_LENGTH:
        return f"its name has more than {MAX_NAME_LENGTH} characters"
    unsendable = [part for part in ('"', "%22", "\\") if part in name]
    return f"its name has {unsendable[0]} in it, which can't be sent" if unsendable else ""


def result_names(names: Sequence[str], taken: Collection[str], suffix: str) -> dict[str, str]:
    """Return each picture's unique result name: the same path with the result's suffix.

    A picture that already has the suffix keeps its name. Where two would collide (`a.png` and `a.heic`, or `a.png`
    beside `a.jpg`), the suffix is appended instead: `a.png.jpg`, `a.heic.jpg`. Names that differ only in case collide,
    because on some file systems they are the same, and so does a file with another's folder. What some systems
    can't have in a name, or what makes it read as another, is replaced.
    """
    tree = TreeNames(taken)
    results: dict[str, str] = {}
    for name in names:
        own = tree_names.portable(name)
        if posixpath.splitext(own)[1].lower() in EQUIVALENT_SUFFIXES.get(suffix, ()) and tree.add(own):
            results[name] = own
    replaced = {
        name: posixpath.splitext(tree_names.portable(name))[0] + suffix for name in names if name not in results
    }
    uses = Counter(name.casefold() for name in replaced.values())
    for name in sorted(replaced):
        own = replaced[name]
        results[name] = own if uses[own.casefold()] == 1 and tree.add(own) else _add_unused(name, suffix, tree)
    return results


def _add_unused(name: str, suffix: str, tree: TreeNames) -> str:
    base, number = tree_names.portable(name), 2
    if tree.is_below_a_file(base):
        base = base.replace("/", "_")
    result = base + suffix
    while not tree.add(result):
        result, number = f"{base}-{number}{suffix}", number + 1
    return result


def is_safe(name: str) -> bool:
    """Whether a name from the service stays below the folder."""
    return _is_printable(name) and not any(part in {"", ".", ".."} for part in name.split("/"))
