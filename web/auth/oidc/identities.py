"""Who somebody is here: name and role, by what the provider says about them."""

from dataclasses import dataclass
from typing import Any

from core.access import admins
from core.config import Settings
from core.contract.roles import Role
from core.settings.types import split_roles
from web.auth.oidc.refusals import NoIdentity


@dataclass(frozen=True)
class Identity:
    """subject: what the provider knows them by, whatever they are called."""

    username: str
    role: Role
    subject: str


class Mapping:
    """Makes identities of claims, as the settings say; NoIdentity for whoever has no name or no role."""

    def __init__(self, settings: Settings) -> None:
        self._name_claim, self._role_claim = settings.oidc_name_claim, settings.oidc_role_claim
        self._roles = {value: Role(role) for value, role in split_roles(settings.oidc_roles)}

    def lacks(self, claims: dict[str, Any]) -> bool:
        """Whether claims don't say all that is needed, so that it is worth asking for more."""
        trusted = _trusted(claims)
        return find(trusted, self._name_claim) is None or find(trusted, self._role_claim) is None

    def identity(self, claims: dict[str, Any]) -> Identity:
        """Return who this is. Of several roles the highest counts."""
        trusted = _trusted(claims)
        name = find(trusted, self._name_claim)
        if not isinstance(name, str) or not admins.is_valid(name):
            raise NoIdentity(f"the claim {self._name_claim} is no name that administrators can have")
        values = texts(find(trusted, self._role_claim))
        roles = [self._roles[value] for value in values if value in self._roles]
        if not roles:
            raise NoIdentity(f"the claim {self._role_claim} has {len(values)} texts, none with a role here")
        return Identity(name, max(roles, key=list(Role).index), str(trusted["sub"]))


def find(claims: dict[str, Any], name: str) -> Any:
    """Return a claim of this name, or at the end of this path; None without one. Names may have dots of their own."""
    if name in claims:
        return claims[name]
    first, dot, rest = name.partition(".")
    below = claims.get(first)
    return find(below, rest) if dot and isinstance(below, dict) else None


def texts(claim: Any) -> list[str]:
    """Return the texts of a claim that is one, or a list of them."""
    return [one for one in (claim if isinstance(claim, list) else [claim]) if isinstance(one, str)]


def _trusted(claims: dict[str, Any]) -> dict[str, Any]:
    """Leave out an address that nobody has checked: anyone could call themselves by another's."""
    verified = claims.get("email_verified")
    is_verified = verified is True or verified == "true"
    return {name: value for name, value in claims.items() if name != "email" or is_verified}
