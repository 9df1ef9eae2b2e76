"""Draws docs/recall.svg from the tables of docs/privacy.md, so that picture and page can't differ.

Run: python -m tests.bench.privacy_charts (make bench-privacy does it after measuring)
"""

import re
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from core.config import ROOT

PAGE = ROOT / "docs" / "privacy.md"
MODEL = "scrfd_2.5g"  # chosen: lines of one model are readable; the second panel shows all


def tables(page: str) -> Iterator[list[list[str]]]:
    """Yield each table of the page: rows of cells, the head first."""
    for block in re.findall(r"(?:^\|.*\|\n)+", page, re.MULTILINE):
        rows = [[cell.strip(" `") for cell in line.strip("|").split(" | ")] for line in block.splitlines()]
        yield [rows[0], *rows[2:]]


def draw(page: str, chart: Path) -> None:
    """Draw recall by the size of faces, and recall against time."""
    overall, by_side, *_ = tables(page)
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "face-api", "font.size": 9}):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        sides = [re.sub(r"from (\d+).*", r"\1", cell) for cell in by_side[0][2:]]
        for model, detail, *recalls in by_side[1:]:
            if model == MODEL:
                left.plot(sides, [float(recall) for recall in recalls], marker="o", label=detail)
        left.set(xlabel="longer side of the face from … pixels", ylabel="recall", ylim=(0, 1.05), title=MODEL)
        left.legend(title="detail", loc="lower right")
        for model in dict.fromkeys(row[0] for row in overall[1:]):
            points = [
                (float(ms), float(recall), detail) for name, detail, recall, _, ms in overall[1:] if name == model
            ]
            right.plot([x for x, _, _ in points], [y for _, y, _ in points], marker="o", label=model)
            below = model == MODEL
            for x, y, detail in points:
                right.annotate(
                    f"{detail} {y:.3f}", (x, y), (0, -14 if below else 7), textcoords="offset points", ha="center"
                )
        right.legend(loc="lower right")
        right.set(xlabel="CPU time of a picture, ms", xscale="log", xlim=(10, 4000), title="all faces")
        figure.savefig(chart, metadata={"Date": None})


if __name__ == "__main__":
    draw(PAGE.read_text(), PAGE.with_name("recall.svg"))
