"""Ids in paths."""

import uuid
from typing import Annotated

from pydantic import BeforeValidator

from core.errors import NotFound


def parse(text: object) -> uuid.UUID:
    """Read a UUID in its canonical form; any other text names nothing: NotFound."""
    try:
        if isinstance(text, str) and str(uuid.UUID(text)) == text.lower():
            return uuid.UUID(text)
    except ValueError:
        pass
    raise NotFound("there is nothing under this id")


PathId = Annotated[uuid.UUID, BeforeValidator(parse)]
