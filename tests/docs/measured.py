"""Tables of measured figures that stand on other pages than docs/privacy.md, made from it and from the manifest.

`python -m tests.docs.measured` renews them; `make bench-privacy` does it after measuring.
"""

import re
from collections.abc import Callable
from pathlib import Path

from core.config import Settings
from core.vision import doubts
from core.weights import manifest
from tests.bench import privacy_charts
from tests.docs import documents

MODEL = "scrfd_2.5g"  # the model of the examples
PAGES = (documents.DOCS / "detection.md", documents.DOCS / "models.md")
MARKED = re.compile(r"(<!-- measured: (\w+) -->\n).*?(\n<!-- end of measured -->)", re.DOTALL)


def renew() -> None:
    """Write the tables anew."""
    for page in PAGES:
        page.write_text(renewed(page))


def renewed(page: Path) -> str:
    """Return a page with its tables as they should be."""
    return MARKED.sub(lambda match: match[1] + TABLES[match[2]]() + match[3], page.read_text())


def measured_rows(section: str) -> list[list[str]]:
    """Return the rows of the first table of a section of docs/privacy.md, without its head."""
    text = documents.section(privacy_charts.PAGE, section)
    return next(privacy_charts.tables(text))[1:]


def measured_limits() -> dict[str, list[tuple[float, ...]]]:
    """Return the limits of doubtful faces of each model: in pictures with few sure faces, and in crowds."""
    found: dict[str, list[tuple[float, ...]]] = {}
    for model, _, *limits in measured_rows("Limits of doubtful faces"):
        found.setdefault(model, []).append(tuple(map(float, limits)))
    return found


def searches() -> str:
    rows = [row for row in measured_rows("Recall") if row[0] == MODEL]
    fastest = float(rows[0][4])
    lines = [[f"`{detail}`", recall, false, f"{float(ms) / fastest:.0f}"] for _, detail, recall, false, ms in rows]
    return _table([f"`{MODEL}`", "recall of hard faces at 0.5", "false boxes a picture", "CPU time"], lines)


def limits() -> str:
    entry = manifest.entry(MODEL)
    low, *more = entry.doubt_sides
    ranges = [f"{one}–{other}" for one, other in zip(entry.doubt_sides, more, strict=False)]
    head = ["longer side", f"below {low} px", *ranges, f"from {entry.doubt_sides[-1]}"]
    few = ["few certain faces", *(f"{limit:g}" for limit in entry.doubt_few)]
    return _table(head, [few, [f"{doubts.CROWD} or more", *(f"{limit:g}" for limit in entry.doubt_crowd)]])


def models() -> str:
    # The first version of each model is fp32.
    found = {row[0]: row for row in reversed(measured_rows("Average precision"))}
    default = Settings.model_fields["model"].default
    lines = []
    for entry in manifest.entries():
        row = found.get(entry.name)
        name = f"`{entry.name}`" + (" (default)" if entry.name == default else "")
        published = " / ".join(f"{one / 100:.3f}" for one in entry.wider_ap)
        lines.append([name, entry.licence, published, " / ".join(row[2:5]) if row else "not measured"])
        lines[-1].append(row[5] if row else "")
    head = ["model", "licence of the weights", "WIDER FACE val, published: easy / medium / hard"]
    return _table([*head, "measured here: AP", "recall of hard faces at 0.5"], lines)


def precisions() -> str:
    rows = measured_rows("Average precision")
    fp32 = {row[0]: row for row in rows if row[1] == "fp32"}
    lines = [
        [f"`{row[0]}`", " / ".join(fp32[row[0]][2:5]), " / ".join(row[2:5]), f"{row[6]} of its longer side"]
        for row in rows
        if row[1] == "int8"
    ]
    return _table(["model", "fp32: AP easy / medium / hard", "int8", "a box moves by, median"], lines)


TABLES: dict[str, Callable[[], str]] = {
    "searches": searches,
    "limits": limits,
    "models": models,
    "precisions": precisions,
}


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows])


if __name__ == "__main__":
    renew()
