"""What each route requires of its caller, checked before a byte of the body is read."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter

from core.access import authenticated
from core.access.authenticated import AuthenticatedKey
from core.access.uses import KeyUseCounter
from core.config import Settings
from core.contract.deeds import ActorKind
from core.contract.roles import Role
from core.contract.scopes import Scope
from core.errors import DatabaseUnavailable, FeatureDisabled, InvalidOption, MissingRole, NotFound, Unauthenticated
from core.errors.problems import FieldProblem
from core.observability import logs
from core.services import Services
from web import current, errors
from web.auth import callers, same_origin, trails
from web.auth.limiting import limiters
from web.auth.limiting.limiters import LimitName
from web.auth.log_ins import Admin
from web.schemas import ids

View = TypeVar("View", bound=Callable[..., Any])
Tier = Literal["storage", "database"]
Limit = Literal["detect", "mask", "login"]
KEY_HEADER = "X-API-Key"
SEND_A_KEY = f"send your API key in the header {KEY_HEADER}"
LOG_IN = "log in, or send the administrator's name and password by HTTP Basic"
# Endpoints of the OpenAPI package: the document and its pages.
DOCUMENTATION = ("openapi.", "swagger.", "redoc.")


@dataclass(frozen=True)
class Guard:
    """What a route requires. limit: the name of its rate limit, or None.

    who: a visitor is anyone who logs in or out. role: what an administrator needs at least; None: no administrator
    will do, or none is needed. scope: what a key needs; None: no key will do. tier: the part of the
    service that the route needs. options: whether it takes query parameters. page: whether errors are pages of the
    console instead of JSON. streams: whether it passes its body on part by part, and never holds all of it.
    """

    who: Literal["anyone", "key", "visitor", "admin", "admin_or_key"]
    limit: Limit | None = None
    tier: Tier | None = None
    role: Role | None = None
    scope: Scope | None = None
    options: bool = True
    page: bool = False
    streams: bool = False

    @property
    def for_admin(self) -> bool:
        return self.who in {"visitor", "admin", "admin_or_key"}

    @property
    def wanted(self) -> str:
        """What a caller without credentials of an administrator is asked for."""
        return LOG_IN if self.scope is None else f"{SEND_A_KEY}; as an administrator, {LOG_IN}"

    def require_role(self, admin: Admin) -> None:
        if self.role is None or not admin.role.includes(self.role):
            raise MissingRole(f"this takes the role {self.role}, and yours is {admin.role}")

    def require_scope(self, key: AuthenticatedKey) -> None:
        if self.scope is not None:
            key.require_scope(self.scope, or_admin=self.who == "admin_or_key")


def anyone(view: View) -> View:
    """Require nothing."""
    return _declare(view, Guard("anyone"))


def api_key(scope: str, limit: Literal["detect", "mask"]) -> Callable[[View], View]:
    """Require an API key with a scope, and count the calls against a rate limit."""
    return lambda view: _declare(view, Guard("key", limit, scope=Scope(scope)))


def visitor(limit: Literal["login"] | None = None) -> Callable[[View], View]:
    """Allow everyone to log in or out."""
    return lambda view: _declare(view, Guard("visitor", limit, options=False))


def admin(role: str, tier: Tier | None = None) -> Callable[[View], View]:
    """Require an administrator with a role or a higher one, and a part of the service that may be off."""

    def declare(view: View) -> View:
        options = "query" in inspect.signature(view).parameters
        return _declare(view, Guard("admin", tier=tier, role=Role(role), options=options))

    return declare


def admin_or_key(role: str, scope: str, tier: Tier | None = None) -> Callable[[View], View]:
    """Require an administrator with a role or a higher one, or an API key with a scope, `admin` being all of them.

    What the ids in the address name is there only for a key that has made it, and for `admin`.
    """

    def declare(view: View) -> View:
        options = "query" in inspect.signature(view).parameters
        guard = Guard("admin_or_key", tier=tier, role=Role(role), scope=Scope(scope), options=options)
        return _declare(view, guard)

    return declare


def page(role: str, tier: Tier | None = None) -> Callable[[View], View]:
    """Require an administrator with a role or a higher one, for a page of the console."""
    return lambda view: _declare(view, Guard("admin", tier=tier, role=Role(role), page=True))


def streamed(view: View) -> View:
    """Have a guarded route read its body part by part."""
    guard: Guard = getattr(view, "guard")  # noqa: B009 - mypy doesn't know attributes of functions
    return _declare(view, replace(guard, streams=True))


def login_page(limit: Literal["login"] | None = None) -> Callable[[View], View]:
    """Allow everyone to open the console's login page."""
    return lambda view: _declare(view, Guard("visitor", limit, page=True))


def of(app: Flask, endpoint: str | None) -> Guard | None:
    """Return the guard of a route; None when it declares none."""
    if endpoint is None or endpoint.startswith(DOCUMENTATION):
        return Guard("anyone")
    return getattr(app.view_functions.get(endpoint), "guard", None)


def install(app: Flask, services: Services) -> None:
    """Check on every route, in this order: caller, tier, ids, rate limit, names of the parameters."""
    uses = KeyUseCounter(services.sessions)
    limiter = limiters.build(services, _limit_name)
    app.before_request(lambda: _authenticate(app, services, uses, limiter))
    app.before_request(lambda: _require_tier(app, services.settings))
    app.before_request(_require_own)
    limiter.init_app(app)
    app.before_request(lambda: _reject_unknown_parameters(app))
    app.after_request(lambda response: _forbid_caching(app, response))
    app.after_request(_record_originals)


def _declare(view: View, guard: Guard) -> View:
    setattr(view, "guard", guard)  # noqa: B010 - mypy doesn't know attributes of functions
    return view


def _authenticate(app: Flask, services: Services, uses: KeyUseCounter, limiter: Limiter) -> None:
    guard = of(app, request.endpoint)
    if guard is None:
        raise Unauthenticated("this route has no guard, so nobody may pass")
    trails.act_as(ActorKind.VISITOR)
    by_key = guard.who == "key" and services.settings.api_key_enabled
    if by_key or (guard.who == "admin_or_key" and KEY_HEADER in request.headers):
        _let_key_in(guard, uses, limiter)
        return
    if guard.for_admin:
        current.state().admins.require_same_origin()
    if guard.who in {"admin", "admin_or_key"}:
        g.admin = current.state().admins.authenticate(guard.wanted)
        trails.act_as(ActorKind.ADMIN, g.admin.username)
        if g.admin.auth_method == "basic":
            current.state().basic_logins.note()
        guard.require_role(g.admin)


def _let_key_in(guard: Guard, uses: KeyUseCounter, limiter: Limiter) -> None:
    key = _authenticate_key(request.headers.get(KEY_HEADER, ""), limiter)
    logs.bind_key(str(key.id))
    guard.require_scope(key)
    uses.note(key.id, request.remote_addr)
    g.api_key = key
    trails.act_as(ActorKind.KEY, str(key.id))


def _require_own() -> None:
    """Answer a key that asks for what it has not made as if that were not there."""
    key = callers.key()
    if key is None or key.sees_everything or not request.view_args:
        return
    named = {name: ids.parse(text) for name, text in request.view_args.items()}
    with current.session() as session:
        if not authenticated.made(session, key, named):
            raise NotFound("there is nothing under this id")


def _require_tier(app: Flask, settings: Settings) -> None:
    guard = of(app, request.endpoint)
    enabled = {"storage": settings.keeps_pictures, "database": settings.database_enabled}
    if guard and guard.tier and not enabled[guard.tier]:
        raise FeatureDisabled(f"the {guard.tier} is switched off")


def _authenticate_key(text: str, limiter: Limiter) -> AuthenticatedKey:
    if not text:
        raise Unauthenticated(SEND_A_KEY)
    try:
        return current.state().api_keys.authenticate(text, request.remote_addr or "")
    except Unauthenticated:
        limiters.count_unknown_key(limiter)
        raise


def _limit_name() -> LimitName | None:
    """Return which limit the request counts against; of a log-in that nobody has chosen, which is not begun, none."""
    guard = of(current_app, request.endpoint)
    if guard is None or (guard.limit == "login" and not same_origin.is_chosen()):
        return None
    return guard.limit


def _reject_unknown_parameters(app: Flask) -> None:
    """Reject what would be ignored silently: a repeated parameter, and any where the route takes none."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise InvalidOption.of(FieldProblem(name, "This parameter is given more than once") for name in repeated)
    guard = of(app, request.endpoint)
    if guard and not guard.options and request.args:
        problems = tuple(FieldProblem(name, "There is no such parameter here") for name in request.args)
        raise InvalidOption("no parameters are taken here", problems=problems)


def _record_originals(response: Response) -> Response:
    """Keep back a response that shows an original when that can't be recorded."""
    try:
        with current.translate_database_errors():
            return trails.record_originals(current.state().trail, response)
    except DatabaseUnavailable as error:
        return errors.answer(error)


def _forbid_caching(app: Flask, response: Response) -> Response:
    """Keep the administrator's responses out of every cache, unless the route says otherwise."""
    guard = of(app, request.endpoint)
    if guard and guard.for_admin:
        response.headers.setdefault("Cache-Control", "no-store")
    return response
