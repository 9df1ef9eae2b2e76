"""Jobs over time as a stacked bar chart, laid out here so that a page needs no script for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.records.timelines import TimeBucket

WIDTH, HEIGHT = 720, 180  # units of the SVG's viewBox, not pixels: it scales with the page
BOTTOM_MARGIN, LEFT_MARGIN, TOP_MARGIN = 20, 44, 8
SERIES = ("mask", "detect", "failed", "cancelled")
GAP = 0.24  # of a bar's slot


@dataclass(frozen=True)
class BarSegment:
    """One series' share of a bar."""

    series: str
    y: float
    height: float


@dataclass(frozen=True)
class Bar:
    """One time bucket. slot: the width reserved for the bar and its gap; counts: jobs by series."""

    starts_at: datetime
    x: float
    slot: float
    segments: list[BarSegment]
    counts: dict[str, int]
    faces: int

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class GridLine:
    """A horizontal line of the scale."""

    y: float
    value: int


@dataclass(frozen=True)
class Chart:
    bars: list[Bar]
    grid_lines: list[GridLine]
    ticks: list[Bar]
    width: int = WIDTH
    height: int = HEIGHT
    left_margin: int = LEFT_MARGIN
    bottom_margin: int = BOTTOM_MARGIN

    @property
    def total(self) -> int:
        return sum(bar.total for bar in self.bars)

    @property
    def bar_width(self) -> float:
        return round((WIDTH - LEFT_MARGIN) / len(self.bars) * (1 - GAP), 2)


def draw(buckets: Sequence[TimeBucket], tick_every: int) -> Chart:
    """Draw one bar per bucket; every `tick_every`th, counted from the newest, is labelled below."""
    top = _round_up(max((bucket.jobs for bucket in buckets), default=0))
    plot_height = HEIGHT - BOTTOM_MARGIN - TOP_MARGIN
    slot = (WIDTH - LEFT_MARGIN) / max(1, len(buckets))
    bars = [_bar(bucket, LEFT_MARGIN + index * slot, slot, plot_height / top) for index, bucket in enumerate(buckets)]
    halves = (0, 1, 2) if top > 1 else (0, 2)
    grid_lines = [
        GridLine(round(HEIGHT - BOTTOM_MARGIN - plot_height * half / 2, 1), top * half // 2) for half in halves
    ]
    return Chart(bars, grid_lines, bars[::-1][tick_every // 2 :: tick_every])


def _bar(bucket: TimeBucket, x: float, slot: float, scale: float) -> Bar:
    counts = {name: bucket.done.get(name, 0) for name in SERIES}
    counts |= {"failed": bucket.failed, "cancelled": bucket.cancelled}
    segments, y = [], float(HEIGHT - BOTTOM_MARGIN)
    for name in SERIES:
        height = counts[name] * scale
        y -= height
        if counts[name]:
            segments.append(BarSegment(name, round(y, 2), round(height, 2)))
    return Bar(bucket.starts_at, round(x + slot * GAP / 2, 2), round(slot, 2), segments, counts, bucket.faces)


def _round_up(value: int) -> int:
    """Return the top of a scale that holds the value: 1, 2, 4, 6 or 10 times a power of ten."""
    power = 1
    while power * 10 < value:
        power *= 10
    return next(step * power for step in (1, 2, 4, 6, 10) if step * power >= value)
