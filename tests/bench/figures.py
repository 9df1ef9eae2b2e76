"""What the benches measure, and the statistics of it: percentiles, ratios with their spread, exponents of curves."""

import itertools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Measured:
    """One measurement. ms: how long each call took; cpu: seconds by part; beside: those of what it needs."""

    pictures: int
    elapsed_s: float
    ms: tuple[float, ...] = ()
    cpu: Mapping[str, float] = field(default_factory=dict)
    beside: Mapping[str, float] = field(default_factory=dict)
    peak_mb: float = 0.0
    refused: int = 0

    @property
    def pictures_s(self) -> float:
        return self.pictures / self.elapsed_s

    @property
    def cpu_s(self) -> float:
        """Seconds of CPU a picture, of all the subject's own processes."""
        return sum(self.cpu.values()) / self.pictures

    @property
    def in_flight(self) -> float:
        """How many calls there were at a time, on average (Little's law)."""
        return sum(self.ms) / 1000 / self.elapsed_s

    @property
    def p50_ms(self) -> float | None:
        return percentile(self.ms, 50)

    @property
    def p95_ms(self) -> float | None:
        return percentile(self.ms, 95)

    @property
    def p99_ms(self) -> float | None:
        return percentile(self.ms, 99)


@dataclass(frozen=True)
class Spread:
    """The median of the rounds' ratios or differences, and the least and the largest of them."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}–{self.high:.2f})"


@dataclass(frozen=True)
class Step:
    """How a curve rises from one point to the next: y grows as x to the power of `exponent`."""

    exponent: float
    start: float
    end: float


def percentile(ms: Sequence[float], share: float) -> float | None:
    """Return the time that `share` per cent of the calls stay under; None where too few calls are beyond it to tell."""
    if len(ms) * (100 - share) < 100 and share > 50:
        return None
    return float(np.percentile(ms, share)) if ms else None


def pooled(rounds: Sequence[Measured]) -> Measured:
    """Return the rounds as one: every call counts for the percentiles, and the highest peak."""
    return Measured(
        pictures=sum(one.pictures for one in rounds),
        elapsed_s=sum(one.elapsed_s for one in rounds),
        ms=tuple(ms for one in rounds for ms in one.ms),
        cpu=_summed([one.cpu for one in rounds]),
        beside=_summed([one.beside for one in rounds]),
        peak_mb=max(one.peak_mb for one in rounds),
        refused=sum(one.refused for one in rounds),
    )


def ratio(
    over: Sequence[Measured], under: Sequence[Measured], value: Callable[[Measured], float | None]
) -> Spread | None:
    """Divide what was measured in the same round; None where a round has no such value."""
    pairs = [(value(one), value(other)) for one, other in zip(over, under, strict=True)]
    return _spread([one / other if one is not None and other else None for one, other in pairs])


def difference(
    over: Sequence[Measured], under: Sequence[Measured], value: Callable[[Measured], float | None]
) -> Spread | None:
    """Subtract what was measured in the same round; None where a round has no such value."""
    pairs = [(value(one), value(other)) for one, other in zip(over, under, strict=True)]
    return _spread([None if one is None or other is None else one - other for one, other in pairs])


def steepest(points: Sequence[tuple[float, float]]) -> Step:
    """Return the step of a curve with the largest local exponent: 1 is linear, above it is worse."""
    steps = [
        Step(math.log(above / below) / math.log(end / start), start, end)
        for (start, below), (end, above) in itertools.pairwise(points)
    ]
    return max(steps, key=lambda step: step.exponent)


def _spread(of_rounds: Sequence[float | None]) -> Spread | None:
    known = [one for one in of_rounds if one is not None]
    return Spread(statistics.median(known), min(known), max(known)) if len(known) == len(of_rounds) else None


def _summed(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: sum(one[name] for one in rounds) for name in rounds[0]}
