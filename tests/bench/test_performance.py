"""A quick run of the bench: everything that it starts works, and what it writes is whole."""

from pathlib import Path

import pytest

from tests.bench import performance, performance_charts
from tests.bench.privacy_charts import tables


@pytest.mark.slow
@pytest.mark.servers
def test_quick_run_writes_a_page(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    shared: Path | None = request.config.getoption("--shared")
    page = tmp_path / "performance.md"
    own = ["--shared", str(shared)] if shared else []
    performance.main([*own, "--quick", "--only", "detect", "batch", "clients", "--write", str(page)])
    text = page.read_text()
    _, detect, ratios, parts, batch, _, clients, *_ = tables(text)
    assert [row[0] for row in detect[1:]][:3] == ["network", "pipeline", "HTTP, 1 client"]
    assert all(float(row[1]) > 0 and float(row[5]) > 0 and float(row[6]) > 0 for row in detect[1:])
    assert [row[1] for row in ratios[1:]][:2] == ["network", "pipeline"]
    assert parts[0][1:] == ["program", "redis", "worker", "maintenance", "beat", "serve"]
    assert [row[0] for row in batch[1:]][:2] == ["pipeline", "batch"]
    assert [row[0] for row in clients[1:]] == ["1", "2", "4"] and {row[3] for row in clients[1:]} == {"0"}
    assert "## Serve more" in text and (tmp_path / performance_charts.CHART).exists()
