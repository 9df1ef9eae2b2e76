"""Who may, and how often: judged before a byte of the body is read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from flask import Flask, current_app, g, request
from flask_limiter import Limiter
from sqlalchemy.exc import SQLAlchemyError

from core import key_uses, keys
from core.config import Settings
from core.errors import DatabaseUnavailable, FieldProblem, InvalidOption, KeyRevoked, Unauthenticated
from core.services import Services

View = TypeVar("View", bound=Callable[..., Any])
KEY_HEADER = "X-API-Key"
# Pages of the documentation, which the OpenAPI package serves.
DOCUMENTATION = ("openapi.", "swagger.", "redoc.")


@dataclass(frozen=True)
class Guard:
    """What a route asks of its caller. limit: the name of its rate, or None."""

    who: Literal["anyone", "key"]
    limit: Literal["detect", "mask"] | None = None


def anyone(view: View) -> View:
    """Let everybody in."""
    return _declare(view, Guard("anyone"))


def api_key(limit: Literal["detect", "mask"]) -> Callable[[View], View]:
    """Ask for an API key, and count the calls against a rate."""
    return lambda view: _declare(view, Guard("key", limit))


def of(app: Flask, endpoint: str | None) -> Guard | None:
    """Return the guard that a route declares; None for one that declares none."""
    if endpoint is None or endpoint.startswith(DOCUMENTATION):
        return Guard("anyone")
    return getattr(app.view_functions.get(endpoint), "guard", None)


def install(app: Flask, services: Services) -> None:
    """Guard every route: first the key, then the rate, then the parameters' names."""
    app.before_request(lambda: _authenticate(app, services))
    _limiter(services.settings).init_app(app)
    app.before_request(_refuse_repeated_parameters)


def _declare(view: View, guard: Guard) -> View:
    setattr(view, "guard", guard)  # noqa: B010 - mypy knows no attributes of functions
    return view


def _authenticate(app: Flask, services: Services) -> None:
    guard = of(app, request.endpoint)
    if guard is None:
        raise Unauthenticated("this route has no guard, so nobody may pass")
    if guard.who == "key" and services.settings.api_key_enabled:
        g.key_id = _key_id(services, request.headers.get(KEY_HEADER, ""))
        key_uses.note(services.redis, g.key_id)


def _key_id(services: Services, text: str) -> str:
    if not text:
        raise Unauthenticated(f"send your API key in the header {KEY_HEADER}")
    if services.sessions is None:
        raise DatabaseUnavailable
    try:
        with services.sessions() as session:
            key = keys.find(session, text)
    except SQLAlchemyError as error:
        raise DatabaseUnavailable from error
    if key is None:
        raise Unauthenticated("this API key is not known")
    if not key.is_active:
        raise KeyRevoked
    return str(key.id)


def _limiter(settings: Settings) -> Limiter:
    rates = {"detect": settings.rate_limit_detect, "mask": settings.rate_limit_mask}

    def rate() -> str:
        guard = of(current_app, request.endpoint)
        return rates[guard.limit] if guard and guard.limit else ""

    return Limiter(
        key_func=_caller,
        default_limits=[rate],
        default_limits_exempt_when=lambda: not rate(),
        storage_uri=settings.redis_url,
        storage_options={"socket_connect_timeout": 1, "socket_timeout": 1},
        key_prefix="face-api",
        # When Redis is down each process counts by itself: a limit that is too generous beats none.
        in_memory_fallback_enabled=True,
        headers_enabled=True,
    )


def _caller() -> str:
    return str(g.get("key_id") or request.remote_addr or "unknown")


def _refuse_repeated_parameters() -> None:
    """Of a parameter that is given twice one would be ignored in silence."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        problems = tuple(FieldProblem(name, "This parameter is given more than once") for name in repeated)
        raise InvalidOption(f"given more than once: {', '.join(repeated)}", problems=problems)
