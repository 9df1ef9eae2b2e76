"""Who the audit trail names for what the command does."""

import getpass

from core.contract.deeds import ActorKind
from core.database import audits
from core.database.audits import Actor


def act_as_user() -> None:
    """Record what is done from now on as done by the user who runs the command."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user needs no entry
        name = "unknown"
    audits.act_as(Actor(ActorKind.CLI, name))
