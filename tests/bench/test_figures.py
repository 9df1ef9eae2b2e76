"""The statistics of the benches, with figures whose results are known."""

import operator

import pytest

from tests.bench import figures
from tests.bench.figures import Measured, Spread, Step


def measured(pictures: int, elapsed_s: float, ms: tuple[float, ...] = (), cpu_s: float = 0.0) -> Measured:
    return Measured(pictures, elapsed_s, ms, {"worker": cpu_s}, {"postgres": 100.0}, peak_mb=elapsed_s)


def test_measured_counts_per_picture() -> None:
    one = Measured(10, 4.0, (400.0,) * 10, {"web": 1.0, "worker": 2.0}, {"postgres": 5.0})
    assert (one.pictures_s, one.in_flight) == (2.5, 1.0)
    assert one.cpu_s == pytest.approx(0.3)


def test_percentiles_need_calls_beyond_them() -> None:
    hundred = tuple(float(ms) for ms in range(1, 101))
    assert figures.percentile(hundred, 99) == pytest.approx(99.01)
    assert figures.percentile(hundred[:99], 99) is None
    assert figures.percentile(hundred[:20], 95) == pytest.approx(19.05)
    assert figures.percentile(hundred[:19], 95) is None
    assert figures.percentile((3.0,), 50) == 3.0
    assert figures.percentile((), 50) is None


def test_ratio_is_of_rounds() -> None:
    fast, slow = [measured(n, 1) for n in (20, 30, 90)], [measured(n, 1) for n in (10, 10, 100)]
    assert figures.ratio(fast, slow, operator.attrgetter("pictures_s")) == Spread(2.0, 0.9, 3.0)
    assert str(Spread(2.0, 0.9, 3.0)) == "2.00 (0.90–3.00)"


def test_difference_is_of_one_round() -> None:
    calls = [measured(1, 1.0, (ms,)) for ms in (25.0, 21.0, 50.0)]
    alone = [measured(1, 1.0, (ms,)) for ms in (20.0, 19.0, 30.0)]
    assert figures.difference(calls, alone, operator.attrgetter("p50_ms")) == Spread(5.0, 2.0, 20.0)
    assert figures.difference(calls, [measured(1, 1.0)] * 3, operator.attrgetter("p50_ms")) is None


def test_ratio_needs_every_round() -> None:
    with_times, without = [measured(1, 1, (5.0,))] * 2, [measured(1, 1, (5.0,)), measured(1, 1)]
    assert figures.ratio(with_times, without, operator.attrgetter("p50_ms")) is None


def test_pooled_rounds_keep_every_call() -> None:
    whole = figures.pooled([measured(2, 1, (1.0, 2.0), 3), measured(2, 3, (3.0, 9.0), 5)])
    assert (whole.pictures, whole.pictures_s, whole.ms) == (4, 1.0, (1.0, 2.0, 3.0, 9.0))
    assert (whole.cpu_s, whole.beside["postgres"], whole.peak_mb) == (2.0, 200.0, 3)


def test_steepest_step_is_found() -> None:
    assert figures.steepest([(1, 10), (2, 10), (4, 40), (8, 80)]) == Step(2.0, 2, 4)
    assert figures.steepest([(1, 8), (2, 4), (4, 2)]).exponent == -1.0
