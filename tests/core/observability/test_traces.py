"""Where traces are sent is judged at start."""

import sys

import pytest

from core import config
from core.errors.startup import SettingsError
from core.observability import traces


@pytest.mark.parametrize("endpoint", ["collector:4318", "http://", "ftp://collector/v1/traces"])
def test_endpoint_must_be_a_url(endpoint: str) -> None:
    with pytest.raises(SettingsError, match="FACE_API_TRACES_ENDPOINT"):
        config.read(traces_endpoint=endpoint)


def test_endpoint_needs_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("opentelemetry.")]:  # others of its tests import it
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(SettingsError, match="face-api\\[otel\\]"):
        config.read(traces_endpoint="http://127.0.0.1:4318/v1/traces")
    assert config.read().traces_endpoint == ""


def test_nothing_happens_while_traces_are_off() -> None:
    assert not traces.enabled()
    with traces.span("work") as span:
        span.rename("other work")
        span.tell(outcome="ok")
        traces.resume("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        traces.record("step", 0.1)
        assert traces.carrier() == ""
