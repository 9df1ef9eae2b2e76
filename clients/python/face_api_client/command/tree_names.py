# Made by `python -m tests.clients.generated` from core/batches/tree_names.py: change it there.
"""Names of files in one tree that somebody else unpacks or writes: as every system takes them, and no two the same.

Threat: a name that is a path elsewhere, a device, another file's folder, or reads as another one than it is.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator

FALLBACK_NAME = "image"
FILENAME_BYTES = 255
UNSAFE = re.compile(r'[<>:"|?*]')  # drives, streams, wildcards and pipes on Windows
DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])", re.IGNORECASE)
JOINERS = "\u200c\u200d"  # parts of words and of emoji; every other format character turns or hides what stands there


def portable(name: str) -> str:
    """Return a path below a folder: relative, without special characters, devices, and . or .. in it. Never empty.

    A name that is one already stays as it is.
    """
    parts = [part for part in re.split(r"[/\\]", name) if part not in {"", "."}]
    return "/".join(_portable_part(part) for part in parts) or FALLBACK_NAME


class TreeNames:
    """The names that a tree has, compared as the least particular file systems do.

    measured: 83 bytes for each of 200,000.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._files: set[bytes] = set()
        self._folders: set[bytes] = set()
        for name in names:
            self.add(name)

    def add(self, name: str) -> bool:
        """Add a file, and return whether it could be: another may have its name, or the name of one of its folders."""
        file, folders = _digest(name), list(_folders(name))
        if file in self._files or file in self._folders or self.is_below_a_file(name):
            return False
        self._files.add(file)
        self._folders.update(folders)
        return True

    def is_below_a_file(self, name: str) -> bool:
        """Return whether a file has the name of one of its folders."""
        return any(folder in self._files for folder in _folders(name))


def _portable_part(part: str) -> str:
    cleaned = "".join("_" if _is_special(character) else character for character in UNSAFE.sub("_", part))
    trimmed = cleaned.rstrip(". ") + "_" * (cleaned != cleaned.rstrip(". "))  # Windows drops them
    stem = trimmed.partition(".")[0].rstrip(" ")
    return shortened("_" + trimmed if DEVICES.fullmatch(stem) else trimmed)


def _is_special(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and character not in JOINERS


def _folders(name: str) -> Iterator[bytes]:
    while name := name.rpartition("/")[0]:
        yield _digest(name)


def _digest(name: str) -> bytes:
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return hashlib.blake2b(folded.encode(errors="surrogatepass"), digest_size=8).digest()


def shortened(name: str) -> str:
    """Cut a name to what fits; a short extension stays."""
    if len(name.encode()) <= FILENAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension.encode()) > 16:
        stem, dot, extension = name, "", ""
    room = FILENAME_BYTES - len((dot + extension).encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + dot + extension
