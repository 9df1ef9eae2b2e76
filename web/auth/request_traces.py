"""Requests as they are traced: from their head to the beginning of their answer."""

from contextlib import ExitStack

from flask import Response, g, request

from core.observability import traces

HEADER = "traceparent"  # of W3C's Trace Context; what is not one is ignored


def begin() -> None:
    """Begin the current request's span, below the caller's where it names one."""
    if not traces.enabled():
        return
    g.trace = ExitStack()
    g.span = g.trace.enter_context(traces.span(request.method, parent=request.headers.get(HEADER, "")))
    if request.url_rule:
        g.span.rename(f"{request.method} {request.url_rule.rule}")


def end(response: Response) -> None:
    """End it, with the answer's status and outcome."""
    g.span.tell(status=response.status_code, outcome=g.get("outcome", "ok"), request_id=g.request_id)
    g.trace.close()
