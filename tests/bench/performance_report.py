"""The words of docs/performance.md around measured figures."""

import importlib.metadata
import math
import operator
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from core.system import cpus
from tests.bench import figures
from tests.bench.figures import Measured

# What the speed of an int8 network depends on, as Linux names it.
CPU_FLAGS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8")
LINEAR = 1.15  # chosen: between neighbouring points, noise makes a straight line look this steep

FAILS = "fails"  # in a cell: the service did not answer
ALONE = 1.5  # chosen: calls in flight, where one client makes one at a time
COMPARED = {"pictures_s": "pictures/s", "p50_ms": "p50", "cpu_s": "CPU a picture"}


@dataclass(frozen=True)
class Row:
    """What was measured, in every round. against: the name of the row that it is compared with."""

    name: str
    rounds: Sequence[Measured]
    against: str = ""


@dataclass(frozen=True)
class Section:
    """One table of figures, one of ratios, and where asked one of CPU times by part."""

    title: str
    text: str
    rows: Sequence[Row]
    by_part: bool = False


@dataclass(frozen=True)
class Curve:
    """Times against one quantity. lines: milliseconds at each x, NaN where it failed; beside: columns beside them."""

    quantity: str
    text: str
    xs: Sequence[float]
    lines: Mapping[str, Sequence[float]]
    beside: Mapping[str, Sequence[str]] = field(default_factory=dict)


def replaced(page: str, name: str, text: str) -> str:
    """Put a text between the markers of its name; what people wrote around them stays."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no {begin} … {end}")
    return f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}"


def machine(model: str, precision: str, pictures: Sequence[bytes], how: str) -> str:
    """Word what was measured on."""
    rows = [
        ["CPU", f"{cpu()}, {cpus.available()} of its cores"],
        ["with", ", ".join(flag for flag in CPU_FLAGS if flag in _cpu_flags()) or "none of the usual extensions"],
        ["memory", f"{psutil.virtual_memory().total / 2**30:.0f} GiB"],
        ["system", f"{platform.system()}, Python {platform.python_version()}"],
        ["ONNX Runtime", importlib.metadata.version("onnxruntime")],
        ["model", f"`{model}`, {precision}"],
        ["pictures", f"{len(pictures)}, {sum(map(len, pictures)) / len(pictures) / 1000:.0f} KB on average"],
        ["measured", how],
    ]
    return table(["machine", ""], rows)


def section(made: Section) -> str:
    """Word one comparison."""
    parts = [f"### {made.title}", made.text, _taken(made.rows)]
    compared = [row for row in made.rows if row.against]
    if compared:
        parts.append(_compared(compared, {row.name: row for row in made.rows}))
    if made.by_part:
        parts += [
            "Milliseconds of CPU for a picture, by part, first its own:",
            _by_part(made.rows),
        ]
    return "\n\n".join(parts)


def curve(made: Curve) -> str:
    """Word one curve: its points, and where it is steepest."""
    head = [made.quantity, *(f"{line}, ms" for line in made.lines), *made.beside]
    columns = [
        [f"{x:g}" for x in made.xs],
        *([_number(y) for y in ys] for ys in made.lines.values()),
        *made.beside.values(),
    ]
    said = "; ".join(f"{line} {_steepest(made.xs, ys)}" for line, ys in made.lines.items())
    rows = [list(cells) for cells in zip(*columns, strict=True)]
    return "\n\n".join(
        [f"### Time against {made.quantity}", made.text, table(head, rows), f"Largest local exponent: {said}."]
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows])


def _taken(rows: Sequence[Row]) -> str:
    head = ["what", "pictures/s", "p50, ms", "p95, ms", "p99, ms", "CPU, ms a picture", "peak memory, MB"]
    cells = []
    for row in rows:
        whole = figures.pooled(row.rounds)
        times = [_number(ms) for ms in (whole.p50_ms, whole.p95_ms, whole.p99_ms)]
        cpu, peak = (_number(whole.cpu_s * 1000), f"{whole.peak_mb:.0f}") if whole.cpu else ("", "")
        cells.append([row.name, f"{whole.pictures_s:.3g}", *times, cpu, peak])
    return table(head, cells)


def _compared(rows: Sequence[Row], named: Mapping[str, Row]) -> str:
    head = ["what", "÷", *COMPARED.values()]
    cells = []
    for row in rows:
        under = named[row.against].rounds
        # Where more calls wait at a time, each waits longer: that says nothing of who is faster.
        crowds = [figures.pooled(rounds).in_flight for rounds in (row.rounds, under)]
        kinds = [kind for kind in COMPARED if kind != "p50_ms" or max(crowds) < ALONE]
        found = {kind: figures.ratio(row.rounds, under, operator.attrgetter(kind)) for kind in kinds}
        cells.append([row.name, row.against, *(str(found.get(kind) or "") for kind in COMPARED)])
    return table(head, cells)


def _by_part(rows: Sequence[Row]) -> str:
    wholes = [figures.pooled(row.rounds) for row in rows]
    names = list(dict.fromkeys(name for one in wholes for name in [*one.cpu, *one.beside]))
    cells = []
    for row, whole in zip(rows, wholes, strict=True):
        spent = {**whole.cpu, **whole.beside}
        cells.append([row.name, *(_number(spent[n] * 1000 / whole.pictures) if n in spent else "" for n in names)])
    return table(["what", *names], cells)


def _steepest(xs: Sequence[float], ys: Sequence[float]) -> str:
    points = [(x, y) for x, y in zip(xs, ys, strict=True) if not math.isnan(y)]
    failed = [f"{x:g}" for x, y in zip(xs, ys, strict=True) if math.isnan(y)]
    breaks = f", **fails at {', '.join(failed)}**" if failed else ""
    if len(points) < 2:
        return f"unknown{breaks}"
    step = figures.steepest(points)
    said = f"{step.exponent:.2f} (from {step.start:g} to {step.end:g})"
    if step.exponent <= LINEAR:
        return said + breaks
    whole = figures.steepest([points[0], points[-1]])
    return f"**{said}: worse than linear**, {whole.exponent:.2f} from end to end{breaks}"


def _number(value: float | None) -> str:
    """Write three digits that count."""
    if value is not None and math.isnan(value):
        return FAILS
    return "" if value is None else f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def cpu() -> str:
    """Name the machine's kind of CPU."""
    return _cpu_line("model name") or platform.machine()


def _cpu_flags() -> list[str]:
    return _cpu_line("flags").split()


def _cpu_line(name: str) -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
