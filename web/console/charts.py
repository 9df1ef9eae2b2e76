"""Jobs over time as bars, drawn here so that a page needs no script for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.records.timelines import TimeBucket

WIDTH, HEIGHT = 720, 180  # units of the drawing, not pixels: it grows and shrinks with the page
FOOT, LEFT = 20, 44
SERIES = ("mask", "detect", "failed")
GAP = 0.24  # of a bar's place


@dataclass(frozen=True)
class Part:
    """One piece of a bar."""

    series: str
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    """One stretch of time. slot: the width that it has for itself; counts: by series."""

    starts_at: datetime
    x: float
    slot: float
    parts: list[Part]
    counts: dict[str, int]
    faces: int

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class Line:
    """A horizontal line of the scale."""

    y: float
    value: int


@dataclass(frozen=True)
class Chart:
    bars: list[Bar]
    lines: list[Line]
    ticks: list[Bar]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    foot: int = FOOT

    @property
    def total(self) -> int:
        return sum(bar.total for bar in self.bars)

    @property
    def bar_width(self) -> float:
        return round((WIDTH - LEFT) / len(self.bars) * (1 - GAP), 2)


def draw(stretches: Sequence[TimeBucket], tick_every: int) -> Chart:
    """Draw one bar for each stretch; every `tick_every`th, counted from the newest, is named below."""
    top = _round_up(max((stretch.jobs for stretch in stretches), default=0))
    tall = HEIGHT - FOOT - 8
    slot = (WIDTH - LEFT) / max(1, len(stretches))
    bars = [_bar(stretch, LEFT + number * slot, slot, tall / top) for number, stretch in enumerate(stretches)]
    lines = [
        Line(round(HEIGHT - FOOT - tall * part / 2, 1), top * part // 2) for part in ((0, 1, 2) if top > 1 else (0, 2))
    ]
    return Chart(bars, lines, bars[::-1][tick_every // 2 :: tick_every])


def _bar(stretch: TimeBucket, x: float, slot: float, scale: float) -> Bar:
    counts = {name: stretch.done.get(name, 0) for name in SERIES} | {"failed": stretch.failed}
    parts, y = [], float(HEIGHT - FOOT)
    for name in SERIES:
        height = counts[name] * scale
        y -= height
        if counts[name]:
            parts.append(Part(name, round(y, 2), round(height, 2)))
    return Bar(stretch.starts_at, round(x + slot * GAP / 2, 2), round(slot, 2), parts, counts, stretch.faces)


def _round_up(value: int) -> int:
    """Return the end of a scale that holds the value: 1, 2, 4, 6 or 10 times a power of ten."""
    power = 1
    while power * 10 < value:
        power *= 10
    return next(step * power for step in (1, 2, 4, 6, 10) if step * power >= value)
