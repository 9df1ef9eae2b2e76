"""The charts of docs/privacy.md and docs/performance.md show what the tables of these pages say."""

import re
from pathlib import Path

from tests.bench import performance_charts, privacy_charts


def labels(chart: Path) -> list[str]:
    return re.findall(r">([^<>]+)</text>", chart.read_text())


def test_chart_is_drawn_from_the_page(tmp_path: Path) -> None:
    privacy_charts.draw(privacy_charts.PAGE.read_text(), tmp_path / "recall.svg")
    drawn = labels(privacy_charts.PAGE.with_name("recall.svg"))
    assert drawn == labels(tmp_path / "recall.svg"), "python -m tests.bench.privacy_charts draws it anew"


def test_chart_follows_the_page(tmp_path: Path) -> None:
    page = privacy_charts.PAGE.read_text()
    changed, count = re.subn(r"(\| balanced \|) [\d.]+ ", r"\1 0.512 ", page, count=1)
    assert count == 1
    privacy_charts.draw(changed, tmp_path / "recall.svg")
    assert "balanced 0.512" in labels(tmp_path / "recall.svg")


def test_curves_are_drawn_from_the_page(tmp_path: Path) -> None:
    page = performance_charts.PAGE.read_text()
    assert len(list(performance_charts.curves(page))) == 5
    performance_charts.draw(page, tmp_path / performance_charts.CHART)
    drawn = labels(performance_charts.PAGE.with_name(performance_charts.CHART))
    assert drawn == labels(tmp_path / performance_charts.CHART), "python -m tests.bench.performance_charts draws it"
