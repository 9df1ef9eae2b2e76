"""Administrators of the table, and the own account, in the admin API."""

import uuid
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field

from core.access.passwords import MAX_LENGTH
from core.contract.roles import Role
from core.database.models import AdminAccount
from core.settings.types import MIN_PASSWORD_LENGTH
from web.auth.log_ins import Admin
from web.auth.sessions import Session
from web.openapi.examples import A_SESSION_OF_MINE, A_SESSION_OF_SOMEBODY, AN_ACCOUNT, AN_ADMIN
from web.schemas.common import ListOf, Timestamp, example, example_page, inline, json_body
from web.schemas.ids import PathId


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default")


RoleName = Annotated[Role, inline(Role)]
SentRole = Annotated[Role, Field(strict=False, description="What the administrator may do."), inline(Role)]
SentPassword = Annotated[
    str,
    Field(
        description="12 to 1024 characters.",
        json_schema_extra={"minLength": MIN_PASSWORD_LENGTH, "maxLength": MAX_LENGTH},
    ),
]
SentCode = Annotated[str, Field(description="Of six digits, as the app shows it.")]


class AdminPath(BaseModel):
    admin_id: PathId


class SessionPath(BaseModel):
    session_id: PathId


class AdminCreation(BaseModel):
    model_config = json_body({"name": "kim", "password": "staple battery horse", "role": "operator"})

    name: Annotated[str, Field(description="Unique, whatever its case; up to 80 characters, none of them a colon.")]
    password: SentPassword
    role: SentRole


class AdminChange(BaseModel):
    """What is left out stays as it is."""

    model_config = json_body({"role": "viewer"})

    role: Annotated[SentRole, Field(json_schema_extra=_without_default)] = Role.VIEWER
    is_enabled: Annotated[
        bool, Field(description="Whether it is let in; false ends its sessions.", json_schema_extra=_without_default)
    ] = True


class NewPassword(BaseModel):
    model_config = json_body({"password": "staple battery horse"})

    password: SentPassword


class OwnPassword(BaseModel):
    model_config = json_body({"current_password": "correct horse battery", "password": "staple battery horse"})

    current_password: Annotated[str, Field(description="The one until now.")]
    password: SentPassword


class CurrentPassword(BaseModel):
    model_config = json_body({"current_password": "correct horse battery"})

    current_password: str


class Code(BaseModel):
    model_config = json_body({"code": "123456"})

    code: SentCode


class AdminResponse(BaseModel):
    model_config = example(AN_ADMIN)

    id: uuid.UUID
    name: str
    role: RoleName
    is_enabled: bool
    has_totp: bool = Field(description="Whether its log-in asks for a code.")
    created_at: Timestamp
    last_login_at: Timestamp | None

    @classmethod
    def of(cls, row: AdminAccount) -> Self:
        named = {name: getattr(row, name) for name in cls.model_fields if name != "has_totp"}
        return cls(**named, has_totp=bool(row.totp_secret))


class AdminList(ListOf[AdminResponse]):
    model_config = example_page(AN_ADMIN)


class AccountResponse(BaseModel):
    model_config = example(AN_ACCOUNT)

    username: str
    role: RoleName
    is_managed: bool = Field(
        description="Whether it is in the database, where its password and codes can be changed; the administrator of"
        " the settings is not."
    )
    has_totp: bool
    recovery_codes_left: int

    @classmethod
    def of(cls, admin: Admin, row: AdminAccount | None) -> Self:
        return cls(
            username=admin.username,
            role=admin.role,
            is_managed=row is not None,
            has_totp=bool(row and row.totp_secret),
            recovery_codes_left=len(row.recovery_codes) if row else 0,
        )


class TotpBegun(BaseModel):
    """A new secret; it counts once a code of it has confirmed it."""

    model_config = example({"secret": "JBSWY3DPEHPK3PXP", "uri": "otpauth://totp/…", "qr_code": "data:image/svg+xml,…"})

    secret: str
    uri: str
    qr_code: str = Field(description="The URI as a picture: the `src` of an image.")


class RecoveryCodes(BaseModel):
    """What a log-in takes instead of a code, each once; they are returned here and never again."""

    model_config = example({"recovery_codes": ["8d0c1a52f4b6e97310aa"]})

    recovery_codes: list[str]


class OwnSession(BaseModel):
    model_config = example(A_SESSION_OF_MINE)

    id: uuid.UUID
    address: str | None
    browser: str
    method: str = Field(description="How it was opened: `password`, or `oidc` for single sign-on.")
    created_at: Timestamp
    seen_at: Timestamp = Field(description="When it was used last, to the minute.")
    expires_at: Timestamp
    is_current: bool = Field(description="Whether it is that of this call.")

    @classmethod
    def of(cls, session: Session, current: Session | None) -> Self:
        named = {name: getattr(session, name) for name in cls.model_fields if name != "is_current"}
        return cls(**named, is_current=current is not None and session.id == current.id)


class OwnSessions(BaseModel):
    model_config = example({"items": [A_SESSION_OF_MINE]})

    items: list[OwnSession]


class OpenSession(OwnSession):
    model_config = example(A_SESSION_OF_SOMEBODY)

    username: str
    role: RoleName


class OpenSessions(BaseModel):
    model_config = example({"items": [A_SESSION_OF_SOMEBODY]})

    items: list[OpenSession]


class EndedSessions(BaseModel):
    model_config = example({"ended": 2})

    ended: int
