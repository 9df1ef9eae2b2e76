"""What the app of the current request carries: its services, and what each web process remembers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from flask import Flask, current_app
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from core.database import engine
from core.database.engine import SessionFactory
from core.errors import DatabaseUnavailable, FeatureDisabled, NotFound
from core.records.results import ResultStore
from core.services import Services
from core.storage.base import ObjectStore
from web.auth.accounts import Accounts
from web.auth.admins import Admins
from web.auth.basic_logins import BasicLogins
from web.auth.key_cache import ApiKeyCache
from web.auth.oidc.single_sign_on import SingleSignOn
from web.auth.trails import Trail
from web.health import Health
from web.load_monitor import LoadMonitor
from web.server.endings import Ending
from web.streams import StreamSlots
from web.thumbnail_cache import ThumbnailCache

EXTENSION = "face-api"
NOTHING_STORED = "pictures are not kept: FACE_API_STORAGE_ENABLED or FACE_API_DATABASE_ENABLED is off"


@dataclass(frozen=True)
class AppState:
    """The one object that the Flask app carries for us."""

    services: Services
    health: Health
    admins: Admins
    basic_logins: BasicLogins
    single_sign_on: SingleSignOn | None
    trail: Trail
    api_keys: ApiKeyCache
    stream_slots: StreamSlots
    load_monitor: LoadMonitor
    thumbnails: ThumbnailCache
    ending: Ending

    @classmethod
    def of(cls, services: Services) -> Self:
        settings, trail = services.settings, Trail(services.sessions)
        accounts = Accounts(settings, services.sessions)
        return cls(
            services=services,
            health=Health(services),
            admins=Admins(settings, services.auth_redis, trail, accounts),
            basic_logins=BasicLogins(services.auth_redis, trail),
            single_sign_on=SingleSignOn(settings, services.auth_redis, accounts) if settings.oidc_issuer else None,
            trail=trail,
            api_keys=ApiKeyCache(services.sessions),
            stream_slots=StreamSlots(settings.web_threads),
            load_monitor=LoadMonitor(services.engine),
            thumbnails=ThumbnailCache(),
            ending=Ending(settings.grace_s),
        )


def install(app: Flask, services: Services) -> None:
    app.extensions[EXTENSION] = AppState.of(services)


def of(app: Flask) -> AppState:
    carried: AppState = app.extensions[EXTENSION]
    return carried


def state() -> AppState:
    return of(current_app)


def services() -> Services:
    return state().services


def store() -> ObjectStore:
    """Return the object store; FeatureDisabled when no pictures are stored."""
    current = services().store
    if current is None:
        raise FeatureDisabled(NOTHING_STORED)
    return current


def results() -> ResultStore:
    """Return where pictures and results are stored; FeatureDisabled when nothing is."""
    current = services().results
    if current is None:
        raise FeatureDisabled(NOTHING_STORED)
    return current


def session_factory() -> SessionFactory:
    """Return what opens sessions of the database; FeatureDisabled when there is none."""
    current = services().sessions
    if current is None:
        raise FeatureDisabled("there is no database: FACE_API_DATABASE_ENABLED is off")
    return current


@contextmanager
def session() -> Iterator[Session]:
    """Open a session of the database; FeatureDisabled when there is none, DatabaseUnavailable when it fails."""
    sessions = session_factory()
    with translate_database_errors(), sessions() as opened:
        yield opened


@contextmanager
def translate_database_errors() -> Iterator[None]:
    """Raise DatabaseUnavailable when the database can't be used, NotFound where a row that was read to be changed has
    been deleted since; a defect stays what it is.
    """
    try:
        yield
    except StaleDataError as error:
        raise NotFound("it has been deleted meanwhile") from error
    except SQLAlchemyError as error:
        if not engine.is_outage(error):
            raise
        raise DatabaseUnavailable from error
