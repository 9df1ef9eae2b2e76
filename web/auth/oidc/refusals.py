"""Why somebody who comes back from the provider is not let in. Texts are for the log, and have no value of a claim."""

from dataclasses import dataclass
from typing import Literal

# stale: no log-in of this browser is open; refused: the provider has not confirmed who it is.
Refusal = Literal["stale", "refused", "no_role", "name_taken"]


class InvalidIdToken(Exception):
    """The provider has sent no ID token, or one that can't be believed."""


class NoIdentity(Exception):
    """The provider has named nobody who could have a name and a role here."""


@dataclass
class LoginRefused(Exception):
    """The end of a log-in. subject: whom the provider has named, if anyone."""

    refusal: Refusal
    reason: str
    subject: str | None = None
