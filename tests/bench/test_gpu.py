"""The script that measures a GPU, tried on the CPU: its tables are whole."""

from pathlib import Path

import pytest

from tests.bench import gpu
from tests.bench.privacy_charts import tables


@pytest.mark.slow
@pytest.mark.servers
def test_script_prints_its_tables(request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]) -> None:
    shared: Path | None = request.config.getoption("--shared")
    weights = shared / "data/weights" if shared else None
    if weights is None or not (weights / "scrfd_500m.onnx").exists():
        pytest.skip("there is no SCRFD at hand")
    tried = ["--weights", str(weights), "--models", "scrfd_500m", "--provider", "cpu", "--seconds", "0.01", "--quick"]
    served = ["--workers", "2", "--served", "scrfd_500m", "--clients", "3"]
    assert gpu.main([*tried, *served]) == 0
    said = capfd.readouterr().out
    network, service = tables(said)
    assert network[0] == ["model", "input", "1", "2", "32 threads"]
    assert network[1][:2] == ["scrfd_500m", "320 × 320"] and all(
        int(one.replace(",", "")) > 0 for one in network[1][2:]
    )
    assert [row[:2] for row in service[1:]] == [["2", "onnxruntime"]]
    assert all(float(row[2]) > 0 and row[3] == "0" for row in service[1:])
    assert "The faces are those of the CPU." in said
