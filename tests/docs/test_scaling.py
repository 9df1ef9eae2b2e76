"""docs/scaling.md: what it computes follows from what it measured, and the model tells what was measured."""

import statistics
from dataclasses import fields, replace

import pytest

from tests.bench import capacity, capacity_model
from tests.bench.capacity_model import KINDS, RATES, Cost, Point

PAGE = capacity_model.PAGE.read_text()
MASK = KINDS[1]


def test_page_is_computed_from_its_measurements() -> None:
    assert capacity_model.computed(PAGE) == PAGE, "python -m tests.bench.capacity_model computes it anew"


def test_page_follows_its_measurements() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| `worker_ms` |"))
    slower = PAGE.replace(row, "| `worker_ms` | worker, ms of CPU | 7000.00 | 7000.00 | 7000.00 |")
    assert f"| cores of workers | {10 * 10} | {10 * 1000:,} | {10 * 100_000:,} |" in capacity_model.computed(slower)


def test_model_tells_what_was_measured() -> None:
    measured, cost = capacity_model.point(PAGE), capacity_model.costs(PAGE)[MASK]
    throughput, median_ms, p95_ms = capacity_model.closed(measured, cost.worker_ms, cost.worker_cv)
    assert throughput == pytest.approx(measured.throughput, rel=0.15)
    assert median_ms == pytest.approx(measured.median_ms, rel=0.25)
    assert p95_ms == pytest.approx(measured.p95_ms, rel=0.3)


def test_tables_name_what_is_measured() -> None:
    assert list(capacity.MEANINGS) == [field.name for field in fields(Cost)]
    assert list(capacity.POINT) == [field.name for field in fields(Point)]


@pytest.mark.parametrize(("cv", "factor"), [(0.0, 0.5), (1.0, 1.0)])
@pytest.mark.parametrize("use", [0.5, 0.8])
def test_simulated_waits_are_the_theorys(cv: float, factor: float, use: float) -> None:
    """One process, arrivals by chance: the formula of Pollaczek and Khinchine."""
    waited = statistics.mean(capacity_model.open_waits_s(use, 1, 2.0, cv))
    assert waited == pytest.approx(factor * 2.0 * use / (1 - use), rel=0.05)


def test_many_processes_make_waits_short() -> None:
    late = [max(capacity_model.open_waits_s(0.8, processes, 1.0, 0.3)) for processes in (1, 8, 64)]
    assert late == sorted(late, reverse=True)
    assert late[0] > 4 * late[-1]


def test_closed_load_obeys_littles_law() -> None:
    point = Point(clients=12, processes=3, cores=3, other_ms=0, throughput=0, median_ms=0, p95_ms=0)
    throughput, _, _ = capacity_model.closed(point, 100, 0.0)
    assert throughput == pytest.approx(30, rel=0.01)
    few, median_ms, _ = capacity_model.closed(replace(point, clients=1), 100, 0.0)
    assert few == pytest.approx(10, rel=0.01)
    assert median_ms == pytest.approx(100)


def test_shared_cores_slow_workers_down() -> None:
    point = Point(clients=12, processes=2, cores=2, other_ms=100, throughput=0, median_ms=0, p95_ms=0)
    throughput, _, _ = capacity_model.closed(point, 100, 0.0)
    assert throughput == pytest.approx(2 / 0.2, rel=0.01)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", RATES)
def test_planned_parts_carry_the_rate(kind: str, rate: float) -> None:
    cost = capacity_model.costs(PAGE)[kind]
    needs = capacity_model.needs(cost, rate, web_threads=96)
    parts = {"cores of workers": cost.worker_ms, "web processes, a core each": cost.web_ms}
    for part, cpu_ms in parts.items():
        count, busy = int(needs[part].replace(",", "")), rate * cpu_ms / 1000
        assert busy <= count * capacity_model.UTILISATION * (1 + 1e-9)
        assert busy > (count - 1) * capacity_model.UTILISATION * (1 - 1e-9)  # one less would be too few


def test_calls_alone_use_redis_for_bytes() -> None:
    found = capacity_model.costs(PAGE)
    assert all(found[kind].shard_in_kb > found[kind].picture_kb * 0.9 for kind in KINDS[:2])
    assert found[KINDS[2]].shard_in_kb == 0


def test_bench_tells_the_queue_from_the_bytes() -> None:
    """A quarter of the calls lie on the second Redis; each takes 10 commands there (2 SET), and 4 at the queue."""
    counts = {f"{server}_{name}": 0.0 for server in ("shard", "queue") for name in ("ms", "in_kb", "out_kb")}
    counts |= {"shard_sets": 2 * 0.25, "queue_sets": 2 * 0.75}
    counts |= {"shard_commands": 2.5, "queue_commands": 4 + 0.75 * 10}
    cost = capacity.of_one(counts, capacity.queue_share(counts), 200.0, 0.3)
    assert cost.shard_commands == pytest.approx(10)
    assert cost.queue_commands == pytest.approx(4)
