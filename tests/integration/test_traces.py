"""One trace of a call: from its request through the queue to the store, as a collector gets it."""

import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from core.contract.states import StepKind
from tests import clips
from tests.clips import Clip
from tests.conftest import StartService
from tests.integration.test_batches import begin, finished, picture, upload
from tests.integration.test_engine import until
from tests.stack import ROOT, Stack

CALLERS_TRACE, CALLERS_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CALLERS = {"traceparent": f"00-{CALLERS_TRACE}-{CALLERS_SPAN}-01"}
SECRET_NAME = "mother_in_law.jpg"


class Collector:
    """Takes traces over OTLP."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.append(zlib.decompress(body, 31) if self.headers.get("Content-Encoding") else body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/traces"

    def spans(self) -> list[Span]:
        return [
            span
            for body in list(self.received)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def trace_with(self, name: str) -> dict[str, Span]:
        """Return the spans of the newest trace that has this one, by their names; nothing without one."""
        every = self.spans()
        of = [span.trace_id for span in every if span.name == name]
        return {span.name: span for span in every if of and span.trace_id == of[-1]}

    def trace(self, *names: str) -> dict[str, Span]:
        """Wait for a trace with these spans, and return it."""
        until(lambda: set(names) <= self.trace_with(names[0]).keys())
        return self.trace_with(names[0])


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def traced(start_service: StartService, collector: Collector) -> Stack:
    return start_service(FACE_API_TRACES_ENDPOINT=collector.url)


def mask(service: Stack, **headers: str) -> requests.Response:
    return requests.post(
        f"{service.url}/api/v1/mask",
        files={"image": (SECRET_NAME, picture())},
        headers={"X-API-Key": service.key, **headers},
        timeout=60,
    )


def test_call_is_one_trace(traced: Stack, collector: Collector) -> None:
    answer = mask(traced)
    assert answer.status_code == 200
    found = collector.trace(
        "POST /api/v1/mask", "queue", "work on mask", "decode", "find", "mask", "verify", "encode", "store"
    )
    root, work = found["POST /api/v1/mask"], found["work on mask"]
    assert root.parent_span_id == b""
    for name in ("queue", "work on mask", "store"):
        assert found[name].parent_span_id == root.span_id, name
    for name in ("decode", "find", "mask", "verify", "encode"):
        assert found[name].parent_span_id == work.span_id, name
    told = {one.key: one.value for one in root.attributes}
    assert told["face_api.status"].int_value == 200
    assert told["face_api.request_id"].string_value == answer.headers["X-Request-Id"]
    assert found["queue"].end_time_unix_nano <= work.end_time_unix_nano


def test_trace_of_the_caller_goes_on(traced: Stack, collector: Collector) -> None:
    mask(traced, **CALLERS)

    def of_the_caller(name: str) -> list[Span]:
        return [span for span in collector.spans() if span.trace_id.hex() == CALLERS_TRACE and span.name == name]

    until(lambda: of_the_caller("store") and of_the_caller("POST /api/v1/mask"))  # which may be sent one by one
    (root,) = of_the_caller("POST /api/v1/mask")
    assert root.parent_span_id.hex() == CALLERS_SPAN


def test_item_of_a_batch_is_a_trace_of_its_own(traced: Stack, collector: Collector) -> None:
    batch = begin(traced)
    upload(traced, batch, (SECRET_NAME, picture()))
    finished(traced, batch)
    found = collector.trace("batch item", "decode", "find", "mask", "verify", "encode", "store")
    assert "queue" not in found
    assert found["batch item"].parent_span_id == b""


def test_steps_of_a_video_are_traces_of_their_own(traced: Stack, collector: Collector) -> None:
    own = ("admin", traced.settings["FACE_API_ADMIN_PASSWORD"])
    file = {"video": ("mother_in_law.mp4", clips.made(Clip(frames=5)))}
    sent = requests.post(f"{traced.url}/api/v1/videos", files=file, params={"detail": "fast"}, auth=own, timeout=60)
    assert sent.status_code == 202
    for kind in StepKind:
        span = collector.trace(f"video {kind}")[f"video {kind}"]
        told = {one.key: one.value for one in span.attributes}
        assert span.parent_span_id == b"" and told["face_api.outcome"].string_value == "ok"
        assert told["face_api.frames"].int_value == (5 if kind in {"detect", "render"} else 0)


def test_spans_name_no_files(traced: Stack, collector: Collector) -> None:
    assert mask(traced).status_code == 200
    collector.trace("POST /api/v1/mask", "store")
    assert not [body for body in collector.received if b"mother_in_law" in body]


@pytest.mark.parametrize("module", ["web.app", "worker.app"])
def test_nothing_is_imported_while_traces_are_off(module: str) -> None:
    program = f"import sys, {module}; from core.observability import traces\nwith traces.span('a'): pass\n"
    program += "print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    imported = ran.stdout.split()
    assert module in imported
    # Of the extra redis-py imports something of its own accord, where it is installed.
    ours = ("core.observability.open_telemetry", "opentelemetry.sdk.trace", "opentelemetry.exporter")
    assert not [name for name in imported if name.startswith(ours)]
