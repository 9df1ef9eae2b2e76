"""The chart of docs/privacy.md shows what the page's tables say."""

import re
from pathlib import Path

from tests.bench import privacy_charts


def labels(chart: Path) -> list[str]:
    return re.findall(r">([^<>]+)</text>", chart.read_text())


def test_chart_is_drawn_from_the_page(tmp_path: Path) -> None:
    privacy_charts.draw(privacy_charts.PAGE.read_text(), tmp_path / "recall.svg")
    drawn = labels(privacy_charts.PAGE.with_name("recall.svg"))
    assert drawn == labels(tmp_path / "recall.svg"), "python -m tests.bench.privacy_charts draws it anew"


def test_chart_follows_the_page(tmp_path: Path) -> None:
    page = privacy_charts.PAGE.read_text()
    privacy_charts.draw(page.replace("| 0.794 |", "| 0.512 |"), tmp_path / "recall.svg")
    assert "balanced 0.512" in labels(tmp_path / "recall.svg")
