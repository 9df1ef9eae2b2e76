"""What the benches write, with made-up figures."""

import math
import re
from pathlib import Path

import pytest

from tests.bench import performance_charts
from tests.bench import performance_report as report
from tests.bench.figures import Measured
from tests.bench.performance_report import Curve, Row, Section
from tests.bench.privacy_charts import tables


def row(name: str, rates: tuple[int, ...], clients: int = 1, against: str = "") -> Row:
    """Return what so many clients that never rest would measure."""
    rounds = [
        Measured(rate, 1.0, (1000 * clients / rate,) * rate, {"worker": 1.0}, {"postgres": 0.5}, 100 + rate)
        for rate in rates
    ]
    return Row(name, rounds, against)


def test_section_tells_figures_and_ratios() -> None:
    text = report.section(Section("Detect", "Why.", [row("old", (20, 40)), row("new", (60, 80), against="old")]))
    taken, compared = tables(text + "\n")
    assert text.startswith("### Detect\n\nWhy.\n\n| what |")
    assert taken[1:] == [
        ["old", "30", "25", "50", "", "33.3", "140"],
        ["new", "70", "12.5", "16.7", "16.7", "14.3", "180"],
    ]
    assert compared[1:] == [["new", "old", "2.50 (2.00–3.00)", "0.42 (0.33–0.50)", "0.42 (0.33–0.50)"]]


def test_crowds_are_not_compared_by_waiting() -> None:
    text = report.section(Section("Detect", "", [row("one", (20,)), row("many", (40,), clients=8, against="one")]))
    assert "| many | one | 2.00 (2.00–2.00) |  | 0.50 (0.50–0.50) |" in text


def test_section_tells_cpu_by_part() -> None:
    text = report.section(Section("Storage", "", [row("on", (20,))], by_part=True))
    assert "| what | worker | postgres |\n| --- | --- | --- |\n| on | 50 | 25 |" in text


def test_curve_tells_where_it_is_steepest() -> None:
    straight = Curve("faces", "Why.", [1, 10, 100], {"mask": [10, 20, 150]}, {"masked": ["1", "10", "99"]})
    text = report.curve(straight)
    assert "| faces | mask, ms | masked |" in text and "| 100 | 150 | 99 |" in text
    assert text.endswith("Largest local exponent: mask 0.88 (from 10 to 100).")


def test_curve_that_breaks_is_marked() -> None:
    text = report.curve(Curve("faces", "", [1, 2, 4], {"mask": [10, 20, 80], "detect": [1, 1, 1]}))
    assert "mask **2.00 (from 2 to 4): worse than linear**, 1.50 from end to end; detect 0.00 (from 1 to 2)." in text


def test_failures_on_a_curve_are_marked() -> None:
    text = report.curve(
        Curve("faces", "", [1, 2, 4, 8], {"mask": [10, math.nan, 20, math.nan], "detect": [math.nan] * 4})
    )
    assert "| 8 | fails | fails |" in text
    assert "mask 0.50 (from 1 to 4), **fails at 2, 8**; detect unknown, **fails at 1, 2, 4, 8**." in text


def test_machine_is_described() -> None:
    text = report.machine("scrfd_2.5g", "int8", [b"x" * 2000, b"x" * 4000], "2026-01-01: 3 rounds")
    assert "| model | `scrfd_2.5g`, int8 |" in text and "| pictures | 2, 3 KB on average |" in text
    assert re.search(r"\| CPU \| .+, \d+ of its cores \|", text)


def test_page_keeps_what_people_wrote() -> None:
    page = "Before.\n\n<!-- bench -->\nold\n<!-- end of bench -->\n\nAfter.\n"
    assert (
        report.replaced(page, "bench", "new\n")
        == "Before.\n\n<!-- bench -->\n\nnew\n\n<!-- end of bench -->\n\nAfter.\n"
    )


@pytest.mark.parametrize("page", ["", "<!-- bench -->", "<!-- end of bench -->", "<!-- bench-peers -->"])
def test_page_without_markers_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="<!-- bench -->"):
        report.replaced(page, "bench", "new")


def test_chart_follows_the_page(tmp_path: Path) -> None:
    lines: dict[str, list[float]] = {"mask": [10, 20], "detect": [5, math.nan]}
    page = report.curve(Curve("faces", "", [1, 10], lines, {"masked": ["1", "10"]})) + "\n\n## More\n"
    performance_charts.draw(page, tmp_path / "curves.svg")
    labels = re.findall(r">([^<>]+)</text>", (tmp_path / "curves.svg").read_text())
    assert {"faces", "mask", "20", "linear"} <= set(labels) and "masked" not in labels
