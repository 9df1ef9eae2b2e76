"""Draws docs/curves.svg from the tables of docs/performance.md, so that picture and page can't differ.

Run: python -m tests.bench.performance_charts (make bench does it after measuring)
"""

import re
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
from matplotlib import ticker
from matplotlib.figure import Figure

from core.config import ROOT
from tests.bench.performance_report import FAILS
from tests.bench.privacy_charts import tables

PAGE = ROOT / "docs" / "performance.md"
CHART = "curves.svg"
COLUMNS = 3


def curves(page: str) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield the quantity and the table of each curve of a page."""
    for quantity, text in re.findall(r"^### Time against ([\w ]+)\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL):
        yield quantity, next(tables(text))


def draw(page: str, chart: Path) -> None:
    """Draw each curve on logarithmic axes, and dots that rise as a linear one would from the first point."""
    found = list(curves(page))
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "face-api", "font.size": 9}):
        lines = -(-len(found) // COLUMNS)
        figure = Figure(figsize=(11, 3.4 * lines), layout="constrained")
        figure.subplots(lines, COLUMNS)
        for panel in figure.axes[len(found) :]:
            panel.set_axis_off()
        for panel, (quantity, (head, *rows)) in zip(figure.axes, found, strict=False):
            xs = [float(row[0]) for row in rows]
            for column, name in enumerate(head):
                if name.endswith(", ms"):
                    ys = [float("nan") if row[column] == FAILS else float(row[column]) for row in rows]
                    panel.plot(xs, ys, marker="o", markersize=3, label=name.removesuffix(", ms"))
                    panel.annotate(f"{ys[-1]:g}", (xs[-1], ys[-1]), (0, 4), textcoords="offset points", ha="right")
            first = float(rows[0][1])
            panel.plot(xs, [first * x / xs[0] for x in xs], linestyle=":", color="grey", linewidth=1, label="linear")
            panel.set(xlabel=quantity, ylabel="ms", xscale="log", yscale="log")
            panel.set_xticks(xs, [row[0] for row in rows])
            panel.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
            panel.yaxis.set_major_formatter(ticker.FuncFormatter(lambda ms, _: f"{ms:g}"))
            for axis in (panel.xaxis, panel.yaxis):
                axis.set_minor_locator(ticker.NullLocator())
            panel.legend(fontsize=7)
        figure.savefig(chart, metadata={"Date": None})


if __name__ == "__main__":
    draw(PAGE.read_text(), PAGE.with_name(CHART))
