"""Counting goes on, and never stops what is counted; alerts see the first of everything."""

import subprocess
import sys
import textwrap

import celery

from core.observability import metrics
from core.observability.exporter import PORTS_AFTER
from tests.compose import monitoring
from tests.stack import ROOT
from worker import maintenance, picture_metrics, webhooks
from worker.app import app

# Counts after the folder was removed, as by somebody who cleans up.
PROGRAM = """
    import shutil
    from core.observability import logs, metric_files, metrics

    logs.configure("info")
    shutil.rmtree(metric_files.begin())
    for _ in range(3):
        metrics.count(metrics.ERRORS, "made_up")
        metrics.observe(metrics.STEP_SECONDS, 0.1, "decode")
        metrics.set_gauge(metrics.MODEL, 1, "a", "b", "c")
    print("went on")
"""


def test_work_goes_on_when_counting_fails() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert ran.stdout == "went on\n", ran.stderr
    assert ran.stderr.count('"metrics_not_counted"') == 1


def test_what_alerts_watch_begins_at_zero() -> None:
    begun = {one for pairs in metrics.FROM_ZERO.values() for one, _ in pairs}
    names = {f"{one.describe()[0].name}_total" for one in begun}  # type: ignore[index]  # it is a list
    watched = {
        one.name
        for rule in monitoring.rules()
        if "increase(" in rule["expr"]
        for one in monitoring.selectors(rule["expr"])
        if one.name.endswith("_total")
    }
    assert watched
    assert watched <= names
    assert metrics.FROM_ZERO.keys() == PORTS_AFTER.keys()


def test_every_kind_of_task_is_known() -> None:
    assert set(picture_metrics.KINDS.values()) == set(metrics.KINDS)
    # Another test of this process may have imported those of maintenance, which every app takes in.
    others = (celery.__name__, maintenance.__name__, webhooks.__name__)
    own = {name for name, task in app.tasks.items() if not task.__module__.startswith(others)}
    assert own == picture_metrics.KINDS.keys()
