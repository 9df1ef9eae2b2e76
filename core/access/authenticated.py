"""A key that a caller has sent: what it may be used for, from where, until when, and what is its own."""

import ipaddress
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.contract.scopes import Scope
from core.database.models import ApiKey, Base, Batch, Image, ProcessingJob, Video
from core.errors import KeyExpired, KeyRevoked, MissingScope, NetworkNotAllowed

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# What the ids in the addresses of routes name, and which column says whose that is.
MADE_BY_KEYS: dict[str, type[Base]] = {"batch_id": Batch, "image_id": Image, "job_id": ProcessingJob, "video_id": Video}
# Parts of what another id of the same address names.
PARTS = {"item_id", "delivery_id"}
# What is looked for among the sender's own alone.
OF_SENDER = {"upload_id"}


@dataclass(frozen=True)
class AuthenticatedKey:
    """first_id: of the first that it replaced by rotation, else its own; own_ids: of it and of all that it replaced.

    rate_limits: by name.
    """

    id: uuid.UUID
    first_id: uuid.UUID
    own_ids: frozenset[uuid.UUID]
    scopes: frozenset[Scope]
    expires_at: datetime | None
    rate_limits: Mapping[str, str]
    networks: tuple[str, ...]

    @classmethod
    def of(cls, row: ApiKey) -> Self:
        """Read a row; KeyRevoked when it is not active."""
        if not row.is_active:
            raise KeyRevoked
        line = [*map(uuid.UUID, row.replaces), row.id]
        return cls(
            id=row.id,
            first_id=line[0],
            own_ids=frozenset(line),
            scopes=frozenset(map(Scope, row.scopes)),
            expires_at=row.expires_at,
            rate_limits=row.rate_limits,
            networks=tuple(row.allowed_networks),
        )

    @property
    def sees_everything(self) -> bool:
        return Scope.ADMIN in self.scopes

    def require_valid(self, moment: datetime, address: str) -> None:
        """Raise KeyExpired, or NetworkNotAllowed when it may not be used from this address."""
        if self.expires_at is not None and moment >= self.expires_at:
            raise KeyExpired
        if self.networks and not _is_within(address, self.networks):
            raise NetworkNotAllowed

    def require_scope(self, scope: Scope, *, or_admin: bool) -> None:
        """Raise MissingScope without it; or_admin: `admin` will do as well."""
        if scope not in self.scopes and not (or_admin and self.sees_everything):
            raise MissingScope(
                f"this API key lacks the scope {scope}, which an owner gives it on the console's page Keys"
            )


def made(session: Session, key: AuthenticatedKey, ids: Mapping[str, uuid.UUID]) -> bool:
    """Whether a key, or one that it replaced, made everything that these ids name, each called as in a route.

    What nobody has made, and an id of an unknown kind, is nobody's.
    """
    if set(ids) == OF_SENDER:
        return True
    whole = {name: one for name, one in ids.items() if name not in PARTS}
    if not whole or not set(whole) <= set(MADE_BY_KEYS):
        return False
    for name, one in whole.items():
        table = MADE_BY_KEYS[name].__table__
        if session.scalar(select(table.c.api_key_id).where(table.c.id == one)) not in key.own_ids:
            return False
    return True


def _is_within(address: str, networks: tuple[str, ...]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in network for network in map(_network, networks))


@cache
def _network(text: str) -> Network:
    return ipaddress.ip_network(text)
