"""The pictures of a folder: which there are, and what their results are called."""

import os
import posixpath
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SUFFIXES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff"} | {
    ".heic",
    ".heif",
    ".hif",
    ".heics",
    ".heifs",
    ".avif",
    ".avifs",
}
LONGEST_NAME = 500  # characters; the service takes no longer ones
# The suffix of a result by its format, and those that say the same.
RESULT_SUFFIXES = {"jpeg": ".jpg", "png": ".png", "webp": ".webp", "json": ".json"}
SAME = {".jpg": {".jpg", ".jpeg", ".jpe", ".jfif"}, ".png": {".png"}, ".webp": {".webp"}}


@dataclass(frozen=True)
class LocalPicture:
    """A picture to be sent. name: its path below the folder, with `/` between the parts."""

    name: str
    size: int


@dataclass
class SkippedFiles:
    """What a walk left out. links: that lead elsewhere; others: no pictures by their suffix.

    nameless: pictures whose names can't be sent, in words that can be shown.
    """

    links: int = 0
    others: int = 0
    nameless: list[str] = field(default_factory=list)


def walk(folder: Path, out: Path, passed: SkippedFiles, *, recursive: bool) -> Iterator[LocalPicture]:
    """Yield the pictures of a folder, what is below `out` left out; an OSError names a folder that can't be read.

    Hidden files and folders are passed by, and so is a link that leads out of the folder: somebody else's files must
    not be sent by accident. Whether a file is a picture is judged by its suffix; the service looks at its content.
    """
    root, without = folder.resolve(), str(out.resolve())
    folders, below = [str(root)], len(str(root).rstrip("/")) + 1
    while folders:
        with os.scandir(folders.pop()) as entries:
            found = sorted((one for one in entries if not one.name.startswith(".")), key=lambda one: one.name)
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                folders += [entry.path] if recursive and entry.path != without else []
            elif posixpath.splitext(entry.name)[1].lower() not in SUFFIXES:
                passed.others += 1
            elif not entry.is_file() or (entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(root)):
                passed.links += 1
            elif not _is_sendable(name := entry.path[below:]):
                passed.nameless.append(ascii(name))
            else:
                yield LocalPicture(name, entry.stat().st_size)


def _is_text(name: str) -> bool:
    """Whether it is Unicode, without control characters."""
    return not any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in name)


def _is_sendable(name: str) -> bool:
    """Whether a name crosses unchanged: a form's file name can't tell a quote from `%22`."""
    return _is_text(name) and len(name) <= LONGEST_NAME and not any(sign in name for sign in ('"', "%22", "\\"))


def result_names(names: Sequence[str], taken: Collection[str], suffix: str) -> dict[str, str]:
    """Name the results of pictures: the same path with the result's suffix, each name once.

    A picture that has the suffix already keeps its name. Where two would get one name (`a.png` and `a.heic`, or `a.png`
    beside `a.jpg`), each keeps its own and gets the suffix after it: `a.png.jpg`, `a.heic.jpg`. Names that differ only
    in case count as the same, because on some file systems they are.
    """
    used = {name.casefold() for name in taken}
    own = {name for name in names if posixpath.splitext(name)[1].lower() in SAME.get(suffix, set())}
    found = {name: name for name in own if name.casefold() not in used}
    used |= {name.casefold() for name in found}
    short = {name: posixpath.splitext(name)[0] + suffix for name in names if name not in found}
    wanted = Counter(name.casefold() for name in short.values())
    for name in sorted(short):
        result = short[name]
        if result.casefold() in used or wanted[result.casefold()] > 1:
            result = _free(name, suffix, used)
        used.add(result.casefold())
        found[name] = result
    return found


def _free(name: str, suffix: str, used: set[str]) -> str:
    result, number = name + suffix, 2
    while result.casefold() in used:
        result, number = f"{name}-{number}{suffix}", number + 1
    return result


def is_safe(name: str) -> bool:
    """Whether a name that somebody else gave leads to a place below a folder."""
    return _is_text(name) and not any(part in {"", ".", ".."} for part in name.split("/"))
