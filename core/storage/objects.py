"""What every object store shares: the keys and names of objects, what a listing holds, how a store fails."""

import re
import unicodedata
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import quote

Disposition = Literal["inline", "attachment"]

# Of an object that a link leads to: a copy in a cache would outlive the link, and the deletion of the picture.
CACHE_CONTROL = "private, no-store"
PICTURE_PREFIXES = ("originals/", "processed/")
VIDEOS = "videos/"
OWN_PREFIXES = (*PICTURE_PREFIXES, VIDEOS)
KEY_BYTES = 1024  # the longest key of S3, in UTF-8: a server answers a longer one as it does what it can't read at all
FILENAME_BYTES = 255  # what a file system takes; the columns (255 characters, 500 for a key) hold more
FALLBACK_NAME = "image"
# They end a quoted header value, make a path or a drive, or are wildcards somewhere.
_UNSAFE = re.compile(r"""["'`<>|?*:%#]""")
# What no database takes; surrogates stand for the bytes of a file's name that is no UTF-8.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_ATTR_CHARS = "!#$&+-.^_`|~"  # RFC 8187, section 3.2.1, beside letters and digits


@dataclass(frozen=True)
class StoredObject:
    """One object of a listing; modified_at is in UTC."""

    key: str
    size_bytes: int
    modified_at: datetime


class StoreFault(Exception):
    """What went wrong below, in words without the object's key: that has a file name in it, which no log may show."""


def original_key(image_id: uuid.UUID, filename: str) -> str:
    """Return the key of an uploaded picture; the name is made safe first."""
    return f"originals/{image_id}/{safe_filename(filename)}"


def original_of(key: str) -> uuid.UUID | None:
    """Return the id of the image or video whose upload this key names; None for any other object."""
    original = re.match(r"(?:originals/([^/]+)/|videos/([^/]+)/source$)", key)
    try:
        return uuid.UUID(original[1] or original[2]) if original else None
    except ValueError:
        return None


def processed_key(image_id: uuid.UUID, job_id: uuid.UUID, output_format: str) -> str:
    """Return the key of a job's result."""
    return f"processed/{image_id}/{job_id}.{output_format}"


def video_key(video_id: uuid.UUID, name: str) -> str:
    """Return the key of one of a video's objects."""
    return f"{VIDEOS}{video_id}/{name}"


def safe_filename(name: str) -> str:
    """Return the last part of a client's path as a name that is safe in keys, folders and headers.

    Letters of every script stay. Control and direction-changing characters go, quotes become `_`. Never empty,
    at most 255 bytes of UTF-8, and a safe name stays as it is.
    """
    last = re.split(r"[/\\]", name)[-1]
    composed = unicodedata.normalize("NFC", "".join(c for c in last if unicodedata.category(c)[0] != "C"))
    spaced = " ".join(_UNSAFE.sub("_", composed).split())
    return shortened(spaced.strip(". ")) or FALLBACK_NAME


def content_disposition(disposition: Disposition, filename: str) -> str:
    """Return the header of RFC 6266: plain ASCII for old clients, and the whole name where that differs."""
    name = safe_filename(filename)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = safe_filename(FALLBACK_NAME + plain if plain.startswith(".") else plain)
    header = f'{disposition}; filename="{plain}"'
    return header if plain == name else f"{header}; filename*=UTF-8''{quote(name, safe=_ATTR_CHARS)}"


def is_key(key: str) -> bool:
    """Whether a key is of the kind that is made here: text that every store takes as a key, not only of blanks, and
    parts with a `/` between, none of which leads elsewhere."""
    if _NO_TEXT.search(key) or len(key.encode()) > KEY_BYTES or not key.strip():
        return False
    return not any(part in {"", ".", ".."} for part in key.split("/"))


def checked(key: str) -> str:
    """Return the key; one of another kind is the caller's mistake, a ValueError."""
    if not is_key(key):
        raise ValueError("not a key of an object")
    return key


def fault(error: Exception) -> StoreFault:
    """Reduce a library's error to the parts that can't name the object."""
    parts = (getattr(error, name, None) for name in ("code", "status_code", "reason", "strerror"))
    return StoreFault(": ".join([type(error).__name__, *(str(words) for words in parts if words)]))


def shortened(name: str) -> str:
    """Cut a name to what fits; a short extension stays."""
    if len(name.encode()) <= FILENAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension.encode()) > 16:
        stem, dot, extension = name, "", ""
    room = FILENAME_BYTES - len((dot + extension).encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + dot + extension
