"""API keys: created, listed, changed and deleted by the administrator."""

from http import HTTPStatus

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from core.access import keys
from web import bodies, current
from web.auth import guards
from web.openapi import admin as openapi
from web.openapi.admin import KEY_ENDED, UNKNOWN
from web.schemas.common import Paging
from web.schemas.keys import (
    ApiKeyCreatedResponse,
    ApiKeyList,
    ApiKeyResponse,
    KeyChange,
    KeyCreation,
    KeyPath,
    KeyRotation,
)

admin_keys = APIBlueprint(
    "admin_keys",
    __name__,
    url_prefix="/api/v1/admin/api-keys",
    abp_tags=[Tag(name="Admin: API keys", description="The keys of those who call the service.")],
)


@admin_keys.post("", summary="Create a key", responses=openapi.write(201, ApiKeyCreatedResponse))
@guards.admin("owner", "database")
def create_api_key(body: KeyCreation) -> Response:
    """Create a key. Its text is in this response and never returned again: only a hash of it is stored."""
    with current.session() as session:
        key, text = keys.create(session, body.name, body.properties())
    return bodies.as_json(ApiKeyCreatedResponse.of(key, text), HTTPStatus.CREATED)


@admin_keys.get("", summary="List keys", responses=openapi.read(ApiKeyList))
@guards.admin("owner", "database")
def list_api_keys(query: Paging) -> Response:
    """List all keys, newest first."""
    with current.session() as session:
        page = keys.page(session, query.page, query.per_page)
    return bodies.as_json(ApiKeyList.of(page, page.items))


@admin_keys.get("/<key_id>", summary="Show a key", responses=openapi.read(ApiKeyResponse, UNKNOWN))
@guards.admin("owner", "database")
def get_api_key(path: KeyPath) -> Response:
    """Return a key, without its text."""
    with current.session() as session:
        key = keys.get(session, path.key_id)
    return bodies.as_json(ApiKeyResponse.model_validate(key))


@admin_keys.patch("/<key_id>", summary="Change a key", responses=openapi.write(200, ApiKeyResponse, UNKNOWN))
@guards.admin("owner", "database")
def update_api_key(path: KeyPath, body: KeyChange) -> Response:
    """Rename a key, revoke it or activate it again, change what it may be used for, from where and until when."""
    with current.session() as session:
        key = keys.change(session, path.key_id, **body.model_dump(exclude_unset=True))
    current.state().api_keys.clear()
    return bodies.as_json(ApiKeyResponse.model_validate(key))


@admin_keys.post(
    "/<key_id>/rotate", summary="Rotate a key", responses=openapi.write(201, ApiKeyCreatedResponse, UNKNOWN, KEY_ENDED)
)
@guards.admin("owner", "database")
def rotate_api_key(path: KeyPath, body: KeyRotation) -> Response:
    """Create a key with the same properties, which sees what this one has made; this one ends after the overlap."""
    with current.session() as session:
        key, text = keys.rotate(session, path.key_id, body.overlap_s)
    current.state().api_keys.clear()
    return bodies.as_json(ApiKeyCreatedResponse.of(key, text), HTTPStatus.CREATED)


@admin_keys.delete("/<key_id>", summary="Delete a key", responses=openapi.DELETED)
@guards.admin("owner", "database")
def delete_api_key(path: KeyPath) -> Response:
    """Delete a key: it is no longer accepted."""
    with current.session() as session:
        keys.delete(session, path.key_id)
    current.state().api_keys.clear()
    return Response(status=HTTPStatus.NO_CONTENT)
