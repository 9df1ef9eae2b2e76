"""The audit trail in the admin API."""

import uuid
from typing import Annotated, Any

from pydantic import BaseModel, Field

from core.contract.deeds import ActorKind, Deed
from core.contract.models import FrozenModel
from core.database.audits import AuditFilter
from web.openapi.examples import A_RECORD
from web.schemas.common import ListOf, Moment, Paging, Timestamp, example, example_page, inline

AnyDeed = Annotated[Deed, inline(Deed)]
AnyActor = Annotated[ActorKind, inline(ActorKind)]


class AuditChoice(FrozenModel):
    """Which records: those that match every value given."""

    deed: Annotated[AnyDeed | None, Field(description="Only this kind of deed.")] = None
    actor_kind: Annotated[AnyActor | None, Field(description="Only what this kind of caller did.")] = None
    actor: Annotated[
        str | None, Field(max_length=255, description="Only what this administrator, key (its id) or user did.")
    ] = None
    address: Annotated[str | None, Field(max_length=45, description="Only what was done from this address.")] = None
    target: Annotated[uuid.UUID | None, Field(description="Only what was done to this id, alone or in a list.")] = None
    outcome: Annotated[
        str | None, Field(max_length=32, description="`ok`, or the code of the error that it ended with.")
    ] = None
    request_id: Annotated[str | None, Field(max_length=36, description="Only what this request did.")] = None
    after: Annotated[Moment | None, Field(description="Only records of this moment or later; UTC by default.")] = None
    before: Annotated[Moment | None, Field(description="Only records before this moment; UTC by default.")] = None

    def filter(self) -> AuditFilter:
        return AuditFilter(**{name: getattr(self, name) for name in AuditChoice.model_fields})


class AuditQuery(AuditChoice, Paging):
    """Which records: those that match every value given; and which page of them."""


class AuditRecordResponse(BaseModel):
    """Who did what, from where, to what, and what came of it."""

    model_config = example(A_RECORD)

    id: int
    at: Timestamp
    actor_kind: AnyActor
    actor: str | None = Field(description="The administrator's name, the id of a key, or the user of the command.")
    address: str | None
    deed: AnyDeed
    target: uuid.UUID | None = Field(description="The id of what it was done to; `detail.ids` has those of a list.")
    outcome: str = Field(description="`ok`, or the code of an error.")
    request_id: str | None
    detail: dict[str, Any] | None = Field(description="What else there is to know; never a secret or a file name.")


class AuditList(ListOf[AuditRecordResponse]):
    model_config = example_page(A_RECORD)
