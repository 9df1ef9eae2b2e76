"""API keys and the administrator's session in the admin API."""

import uuid
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field

from core.database.models import ApiKey
from web.auth.admins import Admin
from web.openapi.examples import A_KEY, A_KEY_TEXT, A_SESSION
from web.schemas.common import ListOf, Name, Timestamp, example, example_page, json_body
from web.schemas.ids import PathId


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
        bool, Field(description="Whether the key is accepted.", json_schema_extra=_without_default)
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


class ApiKeyCreatedResponse(ApiKeyResponse):
    """A new key with its text, which is returned here and never again."""

    model_config = example({**A_KEY, "request_count": 0, "last_used_at": None, "key": A_KEY_TEXT})

    key: str

    @classmethod
    def of(cls, row: ApiKey, text: str) -> Self:
        return cls(**dict(ApiKeyResponse.model_validate(row)), key=text)


class ApiKeyList(ListOf[ApiKeyResponse]):
    model_config = example_page(A_KEY)
