"""What the app of the current request was made of."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from core.errors import DatabaseUnavailable, FeatureDisabled
from core.records.results import ResultStore
from core.services import Services
from core.storage.base import ObjectStore
from web.auth.key_cache import ApiKeyCache


def services() -> Services:
    found: Services = current_app.extensions["face-api"]
    return found


def store() -> ObjectStore:
    """Return the object store; TierOff when nothing is kept."""
    found = services().store
    if found is None:
        raise FeatureDisabled("pictures are not kept: FACE_API_STORAGE_ENABLED or FACE_API_DATABASE_ENABLED is off")
    return found


def results() -> ResultStore:
    """Return where pictures and results are stored; FeatureDisabled when nothing is."""
    found = services().results
    if found is None:
        raise FeatureDisabled("pictures are not kept: FACE_API_STORAGE_ENABLED or FACE_API_DATABASE_ENABLED is off")
    return found


def api_keys() -> ApiKeyCache:
    """Return who may come in by a key."""
    found: ApiKeyCache = current_app.extensions["face-api-keyring"]
    return found


@contextmanager
def session() -> Iterator[Session]:
    """Open a session of the database; TierOff when there is none, DatabaseUnavailable when it fails."""
    sessions = services().sessions
    if sessions is None:
        raise FeatureDisabled("there is no database: FACE_API_DATABASE_ENABLED is off")
    with as_database(), sessions() as opened:
        yield opened


@contextmanager
def as_database() -> Iterator[None]:
    """Say of what the database raises that it can't be reached."""
    try:
        yield
    except SQLAlchemyError as error:
        raise DatabaseUnavailable from error
