"""API keys and the administrator's session in the admin API."""

import uuid
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, WithJsonSchema

from core.access.properties import End, KeyProperties, Networks, RateLimits, Scopes
from core.contract.numbers import WHOLE
from core.contract.scopes import Scope
from core.database.models import ApiKey
from web.auth.log_ins import Admin
from web.openapi.examples import A_KEY, A_KEY_TEXT, A_SESSION
from web.schemas.common import ListOf, Name, Timestamp, example, example_page, json_body
from web.schemas.ids import PathId


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default")


DEFAULT = KeyProperties()
MAX_OVERLAP_S = 365 * 86400  # chosen: who needs both keys for longer needs two keys
# Not strict: JSON has neither tuples nor moments.
SentScopes = Annotated[
    Scopes,
    Field(
        strict=False,
        description="What the key may be used for; `read`: lists of what it has made; `admin`: what the administrator"
        " may do, except for keys and the audit trail.",
    ),
]
SentEnd = Annotated[End | None, Field(strict=False, description="When the key ends; null: never.")]
SentLimits = Annotated[RateLimits, Field(strict=False, description="Limits of its own, instead of the settings'.")]
SentNetworks = Annotated[
    Networks,
    Field(strict=False, description="From where it may be used: addresses and networks (CIDR); empty: from anywhere."),
]


class KeyPath(BaseModel):
    key_id: PathId


class Login(BaseModel):
    model_config = json_body({"username": "admin", "password": "correct horse"})

    username: str
    password: str
    code: Annotated[str, Field(description="Of an administrator who has codes: that of now, or a recovery code.")] = ""


class KeyCreation(BaseModel):
    model_config = json_body({"name": "the photo desk", "scopes": ["detect", "mask", "batch"]})

    name: Annotated[Name, Field(description="What people know the key by.")]
    scopes: SentScopes = DEFAULT.scopes
    expires_at: SentEnd = DEFAULT.expires_at
    rate_limits: SentLimits = DEFAULT.rate_limits
    allowed_networks: SentNetworks = DEFAULT.allowed_networks

    def properties(self) -> KeyProperties:
        return KeyProperties.model_validate(self.model_dump(exclude={"name"}))


class KeyChange(BaseModel):
    """What is left out stays as it is."""

    model_config = json_body({"is_active": False})

    name: Annotated[Name, Field(description="What people know the key by.", json_schema_extra=_without_default)] = ""
    is_active: Annotated[
        bool, Field(description="Whether the key is accepted.", json_schema_extra=_without_default)
    ] = True
    scopes: Annotated[SentScopes, Field(json_schema_extra=_without_default)] = DEFAULT.scopes
    expires_at: Annotated[SentEnd, Field(json_schema_extra=_without_default)] = DEFAULT.expires_at
    rate_limits: Annotated[SentLimits, Field(json_schema_extra=_without_default)] = DEFAULT.rate_limits
    allowed_networks: Annotated[SentNetworks, Field(json_schema_extra=_without_default)] = DEFAULT.allowed_networks


class KeyRotation(BaseModel):
    model_config = json_body({"overlap_s": 86400})

    overlap_s: Annotated[
        int,
        Field(ge=0, le=MAX_OVERLAP_S, description="Seconds for which the old key is accepted beside the new one."),
        WHOLE,
    ]


class AdminSessionResponse(BaseModel):
    model_config = example(A_SESSION)

    authenticated: bool
    username: str
    role: Literal["viewer", "operator", "owner"]
    auth_method: Literal["session", "basic"]
    expires_at: Timestamp | None = Field(description="When the session ends; null with HTTP Basic.")

    @classmethod
    def of(cls, admin: Admin) -> Self:
        return cls(
            authenticated=True,
            username=admin.username,
            role=admin.role.value,
            auth_method=admin.auth_method,
            expires_at=admin.expires_at,
        )


class ApiKeyResponse(BaseModel):
    model_config = example(A_KEY)

    id: uuid.UUID
    name: str
    key_prefix: str
    key_suffix: str
    key_preview: str
    is_active: bool
    request_count: int = Field(description="How often it was used; counted with a delay of some seconds.")
    last_used_at: Timestamp | None
    last_used_ip: str | None = Field(description="From which address it was used last.")
    scopes: list[Annotated[Scope, WithJsonSchema({"type": "string", "enum": [*Scope]})]]
    expires_at: Timestamp | None = Field(description="When it ends; null: never.")
    rate_limits: RateLimits
    allowed_networks: list[str]
    replaced_by: uuid.UUID | None = Field(description="The key that followed it when it was rotated.")
    created_at: Timestamp


class ApiKeyCreatedResponse(ApiKeyResponse):
    """A new key with its text, which is returned here and never again."""

    model_config = example({**A_KEY, "request_count": 0, "last_used_at": None, "last_used_ip": None, "key": A_KEY_TEXT})

    key: str

    @classmethod
    def of(cls, row: ApiKey, text: str) -> Self:
        return cls(**dict(ApiKeyResponse.model_validate(row)), key=text)


class ApiKeyList(ListOf[ApiKeyResponse]):
    model_config = example_page(A_KEY)
