"""The pictures of a local folder, and the file names of their results."""

import os
import posixpath
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.pictures import suffixes

MAX_NAME_LENGTH = 500  # characters; the service accepts no longer ones
# The suffix of a result by its format, and equivalent suffixes.
RESULT_SUFFIXES = {kind: equivalent[0] for kind, equivalent in suffixes.OF_RESULTS.items()} | {"json": ".json"}
EQUIVALENT_SUFFIXES = {equivalent[0]: frozenset(equivalent) for equivalent in suffixes.OF_RESULTS.values()}


@dataclass(frozen=True)
class LocalPicture:
    """A picture to upload. name: its path below the folder, with `/` between the parts."""

    name: str
    size: int


@dataclass
class SkippedFiles:
    """The files that a walk skipped, by name. links: out of the folder; others: no pictures, by their suffix.

    unsendable: pictures whose names can't be sent. Names that can't be displayed are escaped.
    """

    links: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    unsendable: list[str] = field(default_factory=list)

    def reasons(self) -> list[tuple[str, str]]:
        """Return each file that is left out, and why."""
        others = [(name, "it has no suffix of a picture") for name in self.others]
        return sorted([*others, *((name, "a link out of the folder") for name in self.links)])


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
            elif not suffixes.is_picture(entry.name):
                skipped.others.append(displayed(name))
            elif not entry.is_file() or (entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(root)):
                skipped.links.append(displayed(name))
            elif not _is_sendable(name):
                skipped.unsendable.append(ascii(name))
            else:
                yield LocalPicture(name, entry.stat().st_size)


def _is_printable(name: str) -> bool:
    """Whether it is valid Unicode without control characters."""
    return not any(unicodedata.category(character) in {"Cc", "Cs"} for character in name)


def displayed(name: str) -> str:
    """Return a name as a terminal may show it."""
    return name if _is_printable(name) else ascii(name)


def _is_sendable(name: str) -> bool:
    """Whether a name arrives unchanged: a multipart file name doesn't distinguish a quote from `%22`."""
    return _is_printable(name) and len(name) <= MAX_NAME_LENGTH and not any(part in name for part in ('"', "%22", "\\"))


def result_names(names: Sequence[str], taken: Collection[str], suffix: str) -> dict[str, str]:
    """Return each picture's unique result name: the same path with the result's suffix.

    A picture that already has the suffix keeps its name. Where two would collide (`a.png` and `a.heic`, or `a.png`
    beside `a.jpg`), the suffix is appended instead: `a.png.jpg`, `a.heic.jpg`. Names that differ only in case collide,
    because on some file systems they are the same.
    """
    used = {name.casefold() for name in taken}
    unchanged = {name for name in names if posixpath.splitext(name)[1].lower() in EQUIVALENT_SUFFIXES.get(suffix, ())}
    results = {name: name for name in unchanged if name.casefold() not in used}
    used |= {name.casefold() for name in results}
    replaced = {name: posixpath.splitext(name)[0] + suffix for name in names if name not in results}
    uses = Counter(name.casefold() for name in replaced.values())
    for name in sorted(replaced):
        result = replaced[name]
        if result.casefold() in used or uses[result.casefold()] > 1:
            result = _unused_name(name, suffix, used)
        used.add(result.casefold())
        results[name] = result
    return results


def _unused_name(name: str, suffix: str, used: set[str]) -> str:
    result, number = name + suffix, 2
    while result.casefold() in used:
        result, number = f"{name}-{number}{suffix}", number + 1
    return result


def is_safe(name: str) -> bool:
    """Whether a name from the service stays below the folder."""
    return _is_printable(name) and not any(part in {"", ".", ".."} for part in name.split("/"))
