"""API keys and the administrator's session as the admin API words them."""

import uuid
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from core.database.models import ApiKey
from web.auth.admins import Admin
from web.openapi.examples import A_KEY, A_KEY_TEXT, A_SESSION
from web.schemas.records import ListOf, PathId, Timestamp, example, example_page


def _printable(name: str) -> str:
    if not name.isprintable():
        raise ValueError("Control characters are not allowed in a name")
    return name


Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255), AfterValidator(_printable)
]


def json_body(sent: dict[str, Any]) -> ConfigDict:
    """A JSON body: no other members, no other types, and an example."""
    return ConfigDict(extra="forbid", strict=True, **example(sent))


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default")


class KeyPath(BaseModel):
    key_id: PathId


class Login(BaseModel):
    model_config = json_body({"username": "admin", "password": "correct horse"})

    username: str
    password: str


class KeyCreation(BaseModel):
    model_config = json_body({"name": "the photo desk"})

    name: Annotated[Name, Field(description="What people know the key by.")]


class KeyChange(BaseModel):
    """What is left out stays as it is."""

    model_config = json_body({"is_active": False})

    name: Annotated[Name, Field(description="What people know the key by.", json_schema_extra=_without_default)] = ""
    is_active: Annotated[
        bool, Field(description="Whether the key lets anybody in.", json_schema_extra=_without_default)
    ] = True


class AdminSessionResponse(BaseModel):
    model_config = example(A_SESSION)

    authenticated: bool
    username: str
    auth_method: Literal["session", "basic"]
    expires_at: Timestamp | None = Field(description="When the session ends; null with HTTP Basic.")

    @classmethod
    def of(cls, admin: Admin) -> Self:
        return cls(authenticated=True, **vars(admin))


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
    created_at: Timestamp

    @classmethod
    def of(cls, kept: ApiKey, **more: Any) -> Self:
        return cls(**{name: getattr(kept, name) for name in ApiKeyResponse.model_fields}, **more)


class ApiKeyCreatedResponse(ApiKeyResponse):
    """A new key with its text, which is told here and never again."""

    model_config = example({**A_KEY, "request_count": 0, "last_used_at": None, "key": A_KEY_TEXT})

    key: str


class ApiKeyList(ListOf[ApiKeyResponse]):
    model_config = example_page(A_KEY)
