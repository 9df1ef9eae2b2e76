"""What each operation of the description is called, and what it asks of its caller, as its route declares it."""

from typing import Any

from flask_openapi3.models.parameter import Parameter
from flask_openapi3.openapi import OpenAPI

from web.auth import guards
from web.auth.guards import Guard
from web.openapi import videos

BY_KEY: list[dict[str, list[Any]]] = [{"apiKey": []}]
BY_ADMIN: list[dict[str, list[Any]]] = [{"adminCookie": []}, {"adminBasic": []}]
NEEDED_SCOPE = "An API key needs the scope `{}`."
ROLE = "An administrator needs the role `{}` or one above it."
OR_ADMIN = "An API key needs the scope `{}`, or `admin`; what it has not made is not there for it."
# Headers that a view reads by itself: the framework drops such a description where it has parameters of its own.
HEADERS: dict[str, Parameter] = {"append_to_video_upload": videos.OFFSET}


def describe(app: OpenAPI) -> None:
    """Write it into the operations of all routes that are registered. An operation's id is its view's name."""
    for rule in app.url_map.iter_rules():
        guard = guards.of(app, rule.endpoint)
        path = app.paths.get(_template(rule.rule))
        if path is None or guard is None:
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            operation = getattr(path, method.lower())
            operation.operationId = rule.endpoint.rpartition(".")[2]
            operation.security = security(guard)
            header = HEADERS.get(operation.operationId)
            if header and header not in operation.parameters:
                operation.parameters.append(header)
            needed = needs(guard)
            if needed and not (operation.description or "").endswith(needed):
                operation.description = f"{operation.description}\n\n{needed}"


def security(guard: Guard) -> list[dict[str, list[Any]]]:
    """Return the alternatives by which a guard lets in; none: it asks for nothing."""
    return {"key": BY_KEY, "admin": BY_ADMIN, "admin_or_key": [*BY_ADMIN, *BY_KEY]}.get(guard.who, [])


def needs(guard: Guard) -> str:
    """Return which role or scope it takes: the description's security schemes know neither."""
    scope = OR_ADMIN if guard.who == "admin_or_key" else NEEDED_SCOPE
    found = [ROLE.format(guard.role) if guard.role else "", scope.format(guard.scope) if guard.scope else ""]
    return " ".join(filter(None, found))


def _template(rule: str) -> str:
    return rule.replace("<", "{").replace(">", "}")
