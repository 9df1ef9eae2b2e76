"""What a rate of pictures needs, from what one picture was measured to cost; and how calls wait, by simulation.

    python -m tests.bench.capacity_model

renews the computed tables of docs/scaling.md from its measured ones, which `tests.bench.capacity` writes.
"""

import heapq
import math
import random
import statistics
from dataclasses import dataclass, fields

from tests.docs import documents

PAGE = documents.DOCS / "scaling.md"
RATES = (10, 1_000, 100_000)
UTILISATION = 0.7  # chosen: below it a call waits less than it is worked on, whatever the number of processes
LINK_MB = 1250  # chosen: 10 Gbit/s, each way
COMMITS = 10_000  # chosen: a second, of one Postgres on NVMe that waits for each commit; measure your own
DAY_S = 86_400
CALLS = 100_000  # chosen: with these the simulation is within 2 % of the theory where there is one
WAITS_PROCESSES, WAITS_USE = (2, 8, 64, 512), (0.5, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Cost:
    """What one picture takes, by part. ms: of CPU; kb: thousands of bytes; cv: standard deviation over mean."""

    picture_kb: float
    worker_ms: float
    worker_cv: float
    web_ms: float
    queue_ms: float
    queue_commands: float
    queue_kb: float
    shard_ms: float
    shard_commands: float
    shard_in_kb: float
    shard_out_kb: float
    postgres_ms: float
    commits: float
    rows: float
    wal_kb: float
    s3_requests: float
    s3_up_kb: float
    s3_down_kb: float


@dataclass(frozen=True)
class Point:
    """One measured run of a closed load on one machine: what it got of the CPUs, and what came of it."""

    clients: float
    processes: float
    cores: float  # that the run was given: seconds of CPU of all that took part, over seconds
    other_ms: float  # of CPU, for one call, of everything beside the worker, the clients included
    throughput: float
    median_ms: float
    p95_ms: float


def service_s(mean_s: float, cv: float, dice: random.Random) -> float:
    """Draw how long a picture is worked on: gamma distributed."""
    if cv <= 0:
        return mean_s
    shape = 1 / cv**2
    return dice.gammavariate(shape, mean_s / shape)


def open_waits_s(use: float, processes: int, mean_s: float, cv: float) -> list[float]:
    """Return how long calls wait that arrive by chance at a rate that keeps the processes so busy."""
    dice = random.Random(1)  # a simulation
    free, now, waits = [0.0] * processes, 0.0, []
    for _ in range(CALLS):
        now += dice.expovariate(use * processes / mean_s)
        begin = max(now, free[0])
        heapq.heapreplace(free, begin + service_s(mean_s, cv, dice))
        waits.append(begin - now)
    return waits[CALLS // 10 :]


def closed(point: Point, worker_ms: float, cv: float) -> tuple[float, float, float]:
    """Return throughput and the median and 95th percentile in ms of clients that each call again when answered.

    Everything shares the machine's CPUs, so a busy process is slowed down by what the other programs take for a call.
    """
    dice = random.Random(1)  # a simulation
    processes, other_s = int(point.processes), point.other_ms / 1000
    mean_s = max(processes * (worker_ms / 1000 + other_s) / point.cores, worker_ms / 1000)
    free, ready, latencies = [0.0] * processes, [0.0] * int(point.clients), []
    for _ in range(CALLS):
        asked = heapq.heappop(ready)
        begin = max(asked + other_s, free[0])
        end = begin + service_s(mean_s, cv, dice)
        heapq.heapreplace(free, end)
        heapq.heappush(ready, end)
        latencies.append(end - asked)
    settled = sorted(latencies[CALLS // 10 :])
    late = settled[int(len(settled) * 0.95)]
    return CALLS / max(free), statistics.median(settled) * 1000, late * 1000


def capacities(cost: Cost) -> dict[str, float]:
    """Return how many pictures a second one of each part carries, 0 where it takes no part."""
    shard_link = LINK_MB * 1000 / max(cost.shard_in_kb, cost.shard_out_kb, 1e-9)
    shard = min(_core(cost.shard_ms), shard_link * UTILISATION) if cost.shard_in_kb else 0
    stored_kb = max(cost.s3_up_kb, cost.s3_down_kb)
    return {
        "a core of a worker": _core(cost.worker_ms),
        "a web process": _core(cost.web_ms),
        "a Redis for bytes": shard,
        "the first Redis, for the queue": _core(cost.queue_ms),
        "a Postgres": COMMITS * UTILISATION / cost.commits if cost.commits else 0,
        "a link to the object store": LINK_MB * 1000 * UTILISATION / stored_kb if stored_kb else 0,
    }


def needs(cost: Cost, rate: float, web_threads: int) -> dict[str, str]:
    """Return what a rate of pictures needs."""
    one = capacities(cost)

    def count(part: str) -> int:
        return math.ceil(rate / one[part]) if one[part] else 0

    web = count("a web process")
    return {
        "cores of workers": f"{count('a core of a worker'):,}",
        "web processes, a core each": f"{web:,}",
        "Redis for bytes": f"{count('a Redis for bytes'):,}",
        "… bytes in and out, MB/s": _short(rate * (cost.shard_in_kb + cost.shard_out_kb) / 1000),
        "… commands/s": _short(rate * cost.shard_commands),
        "queues, each a first Redis": f"{count('the first Redis, for the queue'):,}",
        "… commands/s, all": _short(rate * cost.queue_commands),
        "Postgres servers, by commits": f"{count('a Postgres'):,}",
        "… rows written/s": _short(rate * cost.rows),
        "… commits/s": _short(rate * cost.commits),
        "… log (WAL), MB/s": _short(rate * cost.wal_kb / 1000),
        "… connections at most": f"{web * (web_threads + 8):,}" if cost.commits else "0",
        "S3 requests/s": _short(rate * cost.s3_requests),
        "… up and down, MB/s": _short(rate * (cost.s3_up_kb + cost.s3_down_kb) / 1000),
        "… stored a day, TB": _short(rate * cost.s3_up_kb * DAY_S / 1e9),
    }


def costs(text: str) -> dict[str, Cost]:
    """Read what was measured off the page: one column for each kind of work."""
    names = [field.name for field in fields(Cost)]
    table = documents.rows(between(text, "measured"))
    assert [documents.coded(row[0])[0] for row in table] == names
    columns = zip(*(map(float, row[2:]) for row in table), strict=True)
    return {kind: Cost(*column) for kind, column in zip(KINDS, columns, strict=True)}


def point(text: str) -> Point:
    """Read the measured point off the page."""
    table = {documents.coded(row[0])[0]: float(row[2]) for row in documents.rows(between(text, "point"))}
    return Point(**table)


KINDS = ("detect, nothing kept", "mask, kept", "item of a batch")


def computed(text: str) -> str:
    """Return the page with its computed tables made anew."""
    found = costs(text)
    tables = {"carries": _carries(found), "waits": _waits(found[KINDS[1]].worker_cv)}
    tables |= {"predicted": _predicted(point(text), found[KINDS[1]])}
    tables |= {f"needs {number}": _needs(found[kind]) for number, kind in enumerate(KINDS)}
    for name, table in tables.items():
        text = replaced(text, name, table)
    return text


def between(text: str, name: str) -> str:
    """Return what stands between the marks of a table."""
    return text.partition(f"<!-- {name} -->\n")[2].partition(f"\n<!-- end of {name} -->")[0]


def replaced(text: str, name: str, table: str) -> str:
    """Put a table between its marks."""
    before, begin, rest = text.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"\n<!-- end of {name} -->")
    assert begin and end, f"the page has no marks of {name!r}"
    return before + begin + table + end + after


def _core(ms: float) -> float:
    return 1000 * UTILISATION / ms if ms else 0


def _short(number: float) -> str:
    """Write a number with two significant digits and commas."""
    if not number:
        return "0"
    digits = 1 - math.floor(math.log10(abs(number)))
    return f"{round(number, digits):,.{max(digits, 0)}f}"


def _table(heading: list[str], rows: list[list[str]]) -> str:
    lines = [heading, ["---"] + ["---:"] * (len(heading) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _carries(found: dict[str, Cost]) -> str:
    each = {kind: capacities(cost) for kind, cost in found.items()}
    parts = list(each[KINDS[0]])
    rows = [[part, *(_short(each[kind][part]) if each[kind][part] else "–" for kind in KINDS)] for part in parts]
    return _table(["pictures/s that it carries", *KINDS], rows)


def _needs(cost: Cost) -> str:
    each = [needs(cost, rate, web_threads=96) for rate in RATES]
    rows = [[name, *(one[name] for one in each)] for name in each[0]]
    return _table(["pictures/s", *(f"{rate:,}" for rate in RATES)], rows)


def _waits(cv: float) -> str:
    def late(use: float, processes: int) -> str:
        waits = sorted(open_waits_s(use, processes, 1.0, cv))
        return f"{waits[int(len(waits) * 0.95)]:.1f}"

    rows = [[f"{use:.0%}", *(late(use, processes) for processes in WAITS_PROCESSES)] for use in WAITS_USE]
    return _table(["busy", *(f"{processes} processes" for processes in WAITS_PROCESSES)], rows)


def _predicted(measured: Point, cost: Cost) -> str:
    names = ("calls/s", "median, ms", "p95, ms")
    seen = (measured.throughput, measured.median_ms, measured.p95_ms)
    model = closed(measured, cost.worker_ms, cost.worker_cv)
    rows = [
        [name, f"{was:.1f}", f"{said:.1f}", f"{said / was:.2f}"]
        for name, was, said in zip(names, seen, model, strict=True)
    ]
    return _table(["", "measured", "model", "model ÷ measured"], rows)


if __name__ == "__main__":
    PAGE.write_text(computed(PAGE.read_text()))
