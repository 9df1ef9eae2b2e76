"""docs/reliability.md is what the runs of make test-faults found: no figure on it was typed by hand."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.docs import documents
from tests.faults import reliability, results

PAGE = documents.DOCS / "reliability.md"
NAMES = [*reliability.PARTS, "outages"]
STATUSES = {"200", "503"}
TIMES = {"detect_ms_median": 20, "detect_ms_p95": 30, "live_ms_median": 1, "live_ms_worst": 9, "calls": 77}
FOUND: dict[str, dict[str, Any]] = {
    "slow_clients": {
        "held": {"idle": 300, "not reading": 100},
        "seconds": 60.0,
        "connections": {"idle": 2100, "not reading": 400},
        "alone": TIMES,
        "attacked": TIMES,
    },
    "restarts": {"restarts": 20, "callers": 4, "outcomes": {"kept": 700, "503 stopping": 1}},
    "batch": {"pictures": 1000, "kills": 31, "counts": {"completed": 1000, "failed": 0}},
    "video": {
        "seconds": 180,
        "size": [1920, 1080],
        "took_s": 400,
        "kills": 19,
        "lost_leases": 18,
        "outage_s": 20.0,
        "faces": 4500,
    },
    "cluster": {
        "pictures": 300,
        "a_second": 4.0,
        "sent": 400,
        "counts": {"completed": 300},
        "lost_leases": 2,
        "cut_s": 30.0,
        "web_cut_s": 10.0,
        "cut_noticed_s": 3.5,
        "cut_works_again_s": 1.0,
        "cut_connections_gone_s": 8.5,
        "cut_sessions_gone_s": 8.1,
        "web_noticed_s": 0.7,
        "web_calls_back_s": 2.5,
        "killed_noticed_s": 3.6,
        "cut_calls": {"outcomes": {"kept": 120, "504 job_timed_out": 1}, "longest_s": 30.1},
        "web_calls": {
            "outcomes": {"kept": 8, "503 engine_unavailable": 30, "503 database_unavailable": 4},
            "longest_s": 9.0,
        },
        "killed_calls": {"outcomes": {"kept": 60}, "longest_s": 6.2},
    },
    "mutations": {"files": 60, "read": 9000, "refused": 11000, "grown_mb": 3},
    "served_mutations": {"read": 100, "refused": 200},
    "generated_calls": {"calls": 10100, "operations": 36, "violations": 0, "statuses": {"200": 4000, "404": 6100}},
    "backlog": {"deletions": 100000, "removed": 4100, "calls": 600, "idle_p95_ms": 40.0, "busy_p95_ms": 44.0},
    "soak": {
        "seconds": 1200,
        "capacity": 22.0,
        "calls": 23000,
        "outcomes": {"kept": 23000},
        "p99_ms": [300.0, 310.0],
        "memory_mb": [700, 702],
        "descriptors": [200, 201],
    },
    "outage-Redis-stopped": {
        "outcomes": {"kept": 369, "503 engine_unavailable": 421},
        "orphans": 0,
        "lasted_s": 20.0,
        "health_noticed_s": 0.8,
        "health_recovered_s": None,
        "calls_recovered_s": 0.0,
        "longest_s": 6.0,
    },
}


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the page, and have results of the test's own."""
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    copy = tmp_path / "page.md"
    copy.write_text(PAGE.read_text())
    return copy


def part(text: str, name: str) -> str:
    return text.partition(f"<!-- {name} -->")[2].partition(f"<!-- end of {name} -->")[0]


def test_page_has_a_place_for_each_part() -> None:
    assert re.findall(r"<!-- (?!end of)(\w+) -->", PAGE.read_text()) == re.findall(
        r"<!-- end of (\w+) -->", PAGE.read_text()
    )
    assert sorted(NAMES) == sorted(re.findall(r"<!-- end of (\w+) -->", PAGE.read_text()))


def test_no_figure_stands_outside_of_the_parts() -> None:
    text = PAGE.read_text()
    for name in NAMES:
        text = text.replace(part(text, name), "")
    assert set(re.findall(r"\d+", text)) <= STATUSES


def test_run_renews_its_part(page: Path) -> None:
    for name, found in FOUND.items():
        results.write(name, full=True, **found)
    reliability.main(page)
    text = page.read_text()
    assert "20 times in all, under 4 callers: 701 calls, 1 failed." in part(text, "restarts")
    assert "| Redis | stopped | 20 | 369 | 0 | 421 | 0 | 0.8 | – | 0 | 6 | 0 |" in part(text, "outages")
    assert "while 19 worker processes were killed" in part(text, "video")
    assert "1.10 of the 40 ms" in part(text, "backlog")
    assert "300 more were sent to a running service: 100 were masked" in part(text, "mutations")
    assert "| worker cut off, 30 s | 3.5 | 1 | 120 | 0 | 0 | 1 | 30.1 |" in part(text, "cluster")
    assert "| 0.7 | 2.5 | 8 | 0 | 34 | 0 | 9 |" in part(text, "cluster")
    assert "| p99 of a call, ms | 300 | 310 |" in part(text, "soak")
    for name in NAMES:
        assert "Measured 20" in part(text, name), name


def test_short_run_leaves_the_page(page: Path) -> None:
    for name, found in FOUND.items():
        results.write(name, full=False, **found)
    reliability.main(page)
    assert page.read_text() == PAGE.read_text()
