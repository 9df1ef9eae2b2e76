"""The tracer of OpenTelemetry, an extra: imported only where traces are sent."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from core.observability.traces import Value

NS_PER_S = 1_000_000_000
HEADER = "traceparent"
NAME = "face-api"


class OpenTelemetrySpan:
    """A span of the library's; attributes are named `face_api.…`."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def tell(self, **attributes: Value) -> None:
        for name, value in attributes.items():
            self._span.set_attribute(f"face_api.{name}", value)


class OpenTelemetryTracer:
    """Sends spans over OTLP, from a thread of its own. Whatever OTEL_… variables say beside the endpoint holds."""

    def __init__(self, endpoint: str) -> None:
        own = Resource({"service.name": NAME, "service.version": metadata.version(NAME)})
        self._provider = TracerProvider(resource=own.merge(OTELResourceDetector().detect()))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
        self._tracer = self._provider.get_tracer(NAME)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(self, name: str, *, parent: str | None = None) -> Iterator[OpenTelemetrySpan]:
        """Trace a block; of an error its kind alone is told."""
        above = None if parent is None else self._context(parent)
        with self._tracer.start_as_current_span(
            name, above, record_exception=False, set_status_on_exception=False
        ) as begun:
            try:
                yield OpenTelemetrySpan(begun)
            except BaseException as error:
                begun.set_status(StatusCode.ERROR, type(error).__name__)
                raise

    def record(self, name: str, seconds: float) -> None:
        if not trace.get_current_span().get_span_context().is_valid:
            return  # it would be a trace of its own
        ended = time.time_ns()
        self._tracer.start_span(name, start_time=ended - int(seconds * NS_PER_S)).end(ended)

    def carrier(self) -> str:
        headers: dict[str, str] = {}
        self._propagator.inject(headers)
        return headers.get(HEADER, "")

    def resume(self, carrier: str | None) -> None:
        context.attach(self._context(carrier or ""))

    def _context(self, carrier: str) -> context.Context:
        """Return a context in which nothing is but the span of a carrier."""
        return self._propagator.extract({HEADER: carrier}, context.Context())
