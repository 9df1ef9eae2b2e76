"""Requests as they are counted: by route, method, status and what their callers needed."""

from http import HTTPStatus

from flask import Response, current_app, g, request

from core.observability import metrics
from web.auth import guards


def count(response: Response, seconds: float) -> None:
    """Count the current request and its answer. Of a route its rule is told, never the path that was called."""
    route = request.url_rule.rule if request.url_rule else metrics.NO_ROUTE
    method = request.method if request.method in metrics.METHODS else metrics.OTHER
    metrics.count(metrics.REQUESTS, route, method, str(response.status_code), _scope())
    metrics.observe(metrics.REQUEST_SECONDS, seconds, route, method)
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        metrics.count(metrics.ERRORS, g.get("outcome", metrics.OTHER))


def _scope() -> str:
    """Return what a caller must be allowed to do: the scope that a key needs, admin, or none where everyone may."""
    guard = guards.of(current_app, request.endpoint)
    if guard is None or guard.who in {"anyone", "visitor"}:
        return "none"
    return guard.scope.value if guard.scope else "admin"
