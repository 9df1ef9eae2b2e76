"""One trace of a call, from its request through the queue to the store: OpenTelemetry, the extra `otel`.

Off unless FACE_API_TRACES_ENDPOINT is set: then nothing of it is imported, and none of these does anything. Spans have
names and outcomes, never a name of a file, an id of a picture or a text of an error.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Protocol

from core import config

Value = str | int | float


class Span(Protocol):
    """A span that has begun."""

    def rename(self, name: str) -> None: ...

    def tell(self, **attributes: Value) -> None: ...


class Tracer(Protocol):
    """What makes spans and sends them."""

    @contextmanager
    def span(self, name: str, *, parent: str | None = None) -> Iterator[Span]: ...

    def record(self, name: str, seconds: float) -> None: ...

    def carrier(self) -> str: ...

    def resume(self, carrier: str | None) -> None: ...


class NoSpan:
    """A span that nobody wants to know of."""

    def rename(self, name: str) -> None:
        pass

    def tell(self, **attributes: Value) -> None:
        pass


@cache
def _tracer() -> Tracer | None:
    """Once per process, after the fork; None while traces are off."""
    endpoint = config.load().traces_endpoint
    if not endpoint:
        return None
    from core.observability.open_telemetry import OpenTelemetryTracer

    return OpenTelemetryTracer(endpoint)


def enabled() -> bool:
    """Whether spans are wanted at all."""
    return _tracer() is not None


@contextmanager
def span(name: str, *, parent: str | None = None) -> Iterator[Span]:
    """Trace a block, below what this thread is in. parent: the carrier of another span instead; '': none at all."""
    tracer = _tracer()
    if tracer is None:
        yield NoSpan()
        return
    with tracer.span(name, parent=parent) as begun:
        yield begun


def record(name: str, seconds: float) -> None:
    """Trace what has just ended, after so many seconds."""
    if tracer := _tracer():
        tracer.record(name, seconds)


def carrier() -> str:
    """Return what names the span that this thread is in, for another process; '' without one (W3C traceparent)."""
    tracer = _tracer()
    return tracer.carrier() if tracer else ""


def resume(carrier: str | None) -> None:
    """Have the spans of this thread belong to one of another process, from now on; None or '': to none."""
    if tracer := _tracer():
        tracer.resume(carrier)
