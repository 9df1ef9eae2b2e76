"""What a key is created with, and what can be changed later: scopes, an end, limits and networks of its own."""

import ipaddress
import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from core.contract.models import FrozenModel
from core.contract.scopes import DEFAULT_SCOPES, Scope
from core.settings.types import Rate

MAX_NETWORKS = 100  # chosen: a company's sites; all of them are compared at each call


def _scopes(scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """Sort them as the contract lists them, each once."""
    return tuple(scope for scope in Scope if scope in scopes)


def _network(text: object) -> object:
    """Write a network in its canonical form; an address stands for itself alone."""
    if not isinstance(text, str):
        return text
    try:
        return str(ipaddress.ip_network(text.strip()))
    except ValueError as error:
        raise ValueError("Write a network as 192.0.2.0/24 or 2001:db8::/32, without bits after its prefix") from error


def _moment(sent: object) -> object:
    """Take ISO 8601, with UTC where it names no zone. As UTC, in which it has to be a date, too."""
    if isinstance(sent, str) and re.match(r"\d{4}-\d{2}-\d{2}", sent):
        sent = datetime.fromisoformat(sent)  # ValueError: its words say what is wrong
    if not isinstance(sent, datetime):
        raise ValueError("Write a date, or a date and a time, as in ISO 8601")  # noqa: TRY004 - pydantic's
    try:
        return (sent if sent.tzinfo else sent.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("Write a date of the years 1 to 9999") from error


# A JSON body is judged strictly, and has neither enumerations nor tuples.
Scopes = Annotated[
    tuple[Annotated[Scope, Field(strict=False)], ...],
    Field(min_length=1, max_length=len(Scope)),
    AfterValidator(_scopes),
]
Networks = Annotated[tuple[Annotated[str, BeforeValidator(_network)], ...], Field(max_length=MAX_NETWORKS)]
End = Annotated[datetime, BeforeValidator(_moment)]


class RateLimits(FrozenModel):
    """How many calls a key may make; null: as many as the settings say."""

    detect: Annotated[Rate | None, Field(description="Detect calls, such as `600/minute`.")] = None
    mask: Annotated[Rate | None, Field(description="Mask calls, such as `300/minute`.")] = None


class KeyProperties(FrozenModel):
    """expires_at: None never; allowed_networks: empty: from anywhere."""

    scopes: Scopes = DEFAULT_SCOPES
    expires_at: End | None = None
    rate_limits: RateLimits = RateLimits()
    allowed_networks: Networks = ()
