"""The audit trail of what is no row of the database itself: log-ins, and views of originals."""

import ipaddress
import os
import uuid
from collections.abc import Collection

from flask import Response, g, request
from sqlalchemy.exc import SQLAlchemyError

from core.config import Settings
from core.contract.deeds import ActorKind, Deed
from core.database import audits
from core.database.audits import Actor
from core.database.engine import SessionFactory
from core.observability import logs

log = logs.get(__name__)


class Trail:
    """Adds records in transactions of their own. Without a database there is no audit trail."""

    def __init__(self, sessions: SessionFactory | None) -> None:
        self._sessions = sessions

    def add(self, deed: Deed, *targets: uuid.UUID | None, outcome: str = "ok", **detail: object) -> None:
        """Add a record for each of these; SQLAlchemyError."""
        if self._sessions is None:
            return
        with self._sessions() as session:
            audits.record(session, deed, *targets, outcome=outcome, **detail)
            session.commit()

    def add_list(self, deed: Deed, ids: Collection[uuid.UUID]) -> None:
        """Add one record for all of these; SQLAlchemyError."""
        if len(ids) < 2:
            self.add(deed, *ids)
        elif self._sessions is not None:
            with self._sessions() as session:
                audits.record_list(session, deed, ids)
                session.commit()

    def add_start(self, settings: Settings) -> None:
        """Add a record that a web process has started, with the names of the settings that differ from the defaults."""
        audits.act_as(Actor())
        changed = {name for name in settings.model_fields_set if name in type(settings).model_fields}
        self.add_if_possible(Deed.SERVICE_STARTED, settings=sorted(changed), process=os.getpid())

    def add_if_possible(
        self, deed: Deed, outcome: str = "ok", target: uuid.UUID | None = None, **detail: object
    ) -> None:
        """Add a record of what needs no database, such as a log-in; while there is none, it is a line of the log."""
        try:
            self.add(deed, target, outcome=outcome, **detail)
        except SQLAlchemyError as error:
            who = audits.actor()
            log.warning("audit_not_written", deed=deed, outcome=outcome, address=who.address, error=logs.reason(error))


def act_as(kind: ActorKind, name: str | None = None) -> None:
    """Name who is recorded as the one who does what this request does."""
    audits.act_as(Actor(kind, name, address(), g.get("request_id")))


def note_original(deed: Deed, image_id: uuid.UUID) -> None:
    """Remember that the response shows an original, or leads to it."""
    g.setdefault("originals", {}).setdefault(deed, {})[image_id] = None


def record_originals(trail: Trail, response: Response) -> Response:
    """Record the originals that a response shows, before it is sent; SQLAlchemyError."""
    noted: dict[Deed, Collection[uuid.UUID]] = g.pop("originals", {})
    if response.status_code < 400:
        for deed, image_ids in noted.items():
            trail.add_list(deed, image_ids)
    return response


def address() -> str | None:
    """Return the client's address, IPv4 in its own form."""
    known: str | None = g.get("address", "")
    if known == "":
        known = g.address = _plain(request.remote_addr or "")
    return known


def _plain(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
