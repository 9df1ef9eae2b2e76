"""Writes docs/reliability.md from what the last full runs found.

    python -m tests.faults.reliability

Each part stands between markers of its name, with the day and the machine of its run; without a run it stays as it is.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from core.config import ROOT
from tests.bench.performance_report import replaced, table
from tests.faults import results
from tests.faults.tiers import FAULTS, POSTGRES, REDIS, S3

PAGE = ROOT / "docs" / "reliability.md"
Found = Mapping[str, Any]


def slow_clients(found: Found) -> str:
    keys = ("detect_ms_median", "detect_ms_p95", "live_ms_median", "live_ms_worst", "calls")
    rows = [[name, *(f"{found[name][key]:g}" for key in keys)] for name in ("alone", "attacked")]
    held = ", ".join(f"{count} {kind}" for kind, count in found["held"].items())
    ratio = found["attacked"]["detect_ms_p95"] / found["alone"]["detect_ms_p95"]
    return (
        f"{held} clients for {found['seconds']:g} s, which began {sum(found['connections'].values()):,} connections in"
        f" all. p95 of `/detect` is {ratio:.2f} of what it is without them.\n\n"
        + table(["", "`/detect` p50, ms", "p95, ms", "`/health/live` p50, ms", "worst, ms", "calls"], rows)
    )


def outages() -> str | None:
    """Word all faults of all tiers as one table; None when there was none."""
    found = {(name, kind): results.read(f"outage-{name}-{kind}") for name in (REDIS, POSTGRES, S3) for kind in FAULTS}
    runs = {key: one for key, one in found.items() if one}
    if not runs:
        return None
    rows = [[name, fault, *_outage(one)] for (name, fault), one in runs.items()]
    head = ["tier", "fault", "for, s", "kept", "200, not kept", "503", "504", "health noticed, s", "health back, s"]
    return _dated(
        "Every call got one of these answers, every row has its object, and every object without a row (an orphan) was"
        " found by maintenance. `/health` says 503 so long after the fault has begun, and 200 so long after it has"
        " ended; the last call that was not kept ended so long after it.\n\n"
        + table([*head, "calls back, s", "longest call, s", "orphans"], rows),
        next(iter(runs.values())),
    )


def _outage(one: Found) -> list[str]:
    times = [one[key] for key in ("health_noticed_s", "health_recovered_s", "calls_recovered_s", "longest_s")]
    told = ["–" if value is None else f"{value:g}" for value in times]
    return [f"{one['lasted_s']:g}", *_calls(one["outcomes"]), *told, str(one["orphans"])]


def _calls(outcomes: Mapping[str, int]) -> list[str]:
    kinds = ("kept", "200", "503", "504")
    return [str(sum(count for name, count in outcomes.items() if name.startswith(kind))) for kind in kinds]


def restarts(found: Found) -> str:
    outcomes: dict[str, int] = found["outcomes"]
    failed = sum(outcomes.values()) - outcomes.get("kept", 0)
    return (
        f"Web and two workers were restarted in turn, {found['restarts']} times in all, under"
        f" {found['callers']} callers: {sum(outcomes.values()):,} calls, {failed} failed."
    )


def batch(found: Found) -> str:
    counts = found["counts"]
    return (
        f"A batch of {found['pictures']:,} pictures, while {found['kills']} worker processes were killed, and web,"
        f" Redis, Postgres and the store killed, flushed and stopped: {counts['completed']:,} completed,"
        f" {counts['failed']} failed. Each picture has one outcome, the one that it has without any fault."
    )


def cluster(found: Found) -> str:
    """Word what became of a service on several machines while they were cut off and switched off."""
    calls = {name: found[f"{name}_calls"] for name in ("cut", "web", "killed")}
    happened = {
        "cut": f"worker cut off, {found['cut_s']:g} s",
        "web": f"web cut off from its servers, {found['web_cut_s']:g} s",
        "killed": "worker switched off for good",
    }
    noticed = {name: f"{found[f'{name}_noticed_s']:g}" for name in calls}
    back = {"cut": f"{found['cut_works_again_s']:g}", "web": f"{found['web_calls_back_s']:g}", "killed": "–"}
    rows = [
        [happened[name], noticed[name], back[name], *_calls(one["outcomes"]), f"{one['longest_s']:g}"]
        for name, one in calls.items()
    ]
    counts = found["counts"]
    return (
        f"A batch of {found['pictures']} pictures, and {found['a_second']:g} calls a second,"
        f" {found['sent']} in all. {counts['completed']} pictures completed, each once, with the result that it has"
        f" without any fault; {found['lost_leases']} of them went from a machine that was gone to the other. Every call"
        " was answered. Noticed: a worker counts as dead, `/health` of web says 503. Back: the machine works on calls"
        f" again, or the last call that failed has ended. At the worker that was cut off its connections to Redis,"
        f" Postgres and S3 ended {found['cut_connections_gone_s']:g} s after the cut, at Postgres"
        f" {found['cut_sessions_gone_s']:g} s after it.\n\n"
        + table(
            ["", "noticed, s", "back, s", "kept", "200, not kept", "503", "504", "longest call, s"],
            rows,
        )
    )


def video(found: Found) -> str:
    width, height = found["size"]
    return (
        f"{found['seconds']} s of video, {width} × {height}, in {found['took_s']} s, while {found['kills']} worker"
        f" processes were killed, Redis was flushed and the store was stopped for {found['outage_s']:g} s:"
        f" {found['lost_leases']} steps had lost their worker. One result, whose bytes, like those of its tracks with"
        f" {found['faces']:,} faces, are those without any fault."
    )


def mutations(found: Found) -> str:
    return (
        f"{found['files']} files of all formats were cut, spliced and flipped: of {found['read'] + found['refused']:,}"
        f" mutations {found['read']:,} were read and {found['refused']:,} refused. None raised anything else, none"
        f" hung, and memory grew by {found['grown_mb']} MB.{_served(results.read('served_mutations'))}"
    )


def _served(found: Found | None) -> str:
    if not found:
        return ""
    return (
        f" {found['read'] + found['refused']} more were sent to a running service: {found['read']} were masked as a"
        f" whole, {found['refused']} answered as the caller's mistake, and no process of the engine died."
    )


def generated_calls(found: Found) -> str:
    statuses = ", ".join(f"{status} × {count:,}" for status, count in found["statuses"].items())
    return (
        f"{found['calls']:,} calls that schemathesis made of the description of {found['operations']} operations, valid"
        f" and invalid ones: {found['violations']} were answered otherwise than described. Statuses: {statuses}."
    )


def backlog(found: Found) -> str:
    busy, idle = found["busy_p95_ms"], found["idle_p95_ms"]
    return (
        f"With {found['deletions']:,} deletions due, of which {found['removed']:,} were made meanwhile, p95 of"
        f" `/detect` was {busy:g} ms over {found['calls']} calls, {busy / idle:.2f} of the {idle:g} ms without"
        " maintenance."
    )


def soak(found: Found) -> str:
    outcomes: dict[str, int] = found["outcomes"]
    failed = sum(outcomes.values()) - outcomes.get("kept", 0)
    p99, memory, descriptors = found["p99_ms"], found["memory_mb"], found["descriptors"]
    rows = [
        ["p99 of a call, ms", *(f"{one:g}" for one in p99)],
        ["memory of all programs, MB", *map(str, memory)],
        ["open descriptors", *map(str, descriptors)],
    ]
    return (
        f"{found['seconds'] / 60:.3g} minutes of pictures of mixed sizes at nine tenths of the {found['capacity']:g}"
        f" calls a second that the service answered before: {found['calls']:,} calls, {failed} failed.\n\n"
        + table(["", "first third", "last third"], rows)
    )


PARTS: Mapping[str, Callable[[Found], str]] = {
    part.__name__: part
    for part in (slow_clients, restarts, batch, video, cluster, mutations, generated_calls, backlog, soak)
}


def main(page: Path = PAGE) -> None:
    """Renew the parts of which there are results."""
    text = page.read_text()
    for name, word in PARTS.items():
        if found := results.read(name):
            text = replaced(text, name, _dated(word(found), found))
    if told := outages():
        text = replaced(text, "outages", told)
    page.write_text(text)
    print(f"written: {page}")


def _dated(text: str, found: Found) -> str:
    load = f", at a load average of {found['load']:g} with what else it did" if "load" in found else ""
    return f"{text}\n\nMeasured {found['day']} on {found['machine']}{load}."


if __name__ == "__main__":
    main()
