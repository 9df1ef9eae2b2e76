"""Ids in addresses."""

import uuid

from core.errors import NotFound


def read(text: str) -> uuid.UUID:
    """Read a UUID as it is always written; another text names nothing."""
    try:
        found = uuid.UUID(text)
    except ValueError:
        raise NotFound("there is nothing under this id") from None
    if str(found) != text.lower():
        raise NotFound("there is nothing under this id")
    return found
