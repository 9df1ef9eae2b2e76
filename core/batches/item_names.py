"""The names of a batch's items: each is the path that its result is written to, below a folder."""

import unicodedata

from core.storage import objects

MAX_LENGTH = 500


def shown(name: str) -> str:
    """Return an unsuitable name as a row may hold it: shortened, and control characters as escapes."""
    unprintable = {character for character in name if unicodedata.category(character) in {"Cc", "Cs"}}
    escapes = {ord(character): ascii(character)[1:-1] for character in unprintable}
    return name.translate(escapes)[:MAX_LENGTH] or "(no name)"


def beside(name: str, digest: str) -> str:
    """Return the name of a row for another file of a name that is taken."""
    mark = f" ({digest[:8]})"
    return shown(name)[: MAX_LENGTH - len(mark)] + mark


def problem(name: str) -> str | None:
    """Return what is wrong with an item's name; None when nothing is."""
    if not name or len(name) > MAX_LENGTH:
        return f"a name has 1 to {MAX_LENGTH} characters"
    if "\\" in name or not objects.is_key(name):
        return "a name is a path with / between its parts, relative and without . or .. in it"
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        return "a name has no control characters"
    return None
