"""The dashboard and the alerts of compose/monitoring/, and the numbers that there are for them."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml
from prometheus_client.core import Metric
from prometheus_client.metrics import MetricWrapperBase

from core.observability import metrics
from core.observability.exporter import BuildInfo
from tests.compose import files
from worker.service_metrics import ServiceCollector

FOLDER = files.FOLDER / "monitoring"
ALERTS, SCRAPES, DASHBOARD = FOLDER / "alerts.yml", FOLDER / "prometheus.yml", FOLDER / "dashboard.json"
OVERLAY = files.FOLDER / "monitoring.yml"
SELECTOR = re.compile(r"\b(face_api_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPED = re.compile(r"\bby \(([^)]*)\)")
HISTOGRAM_ENDS = ("_bucket", "_sum", "_count")


def rules() -> list[dict[str, Any]]:
    """Return the alert rules."""
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return found


def panels() -> list[dict[str, Any]]:
    """Return the panels of the dashboard that show something."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions() -> dict[str, str]:
    """Return each expression of the alerts and of the dashboard, by where it stands."""
    of_alerts = {rule["alert"]: rule["expr"] for rule in rules()}
    of_panels = {f"{panel['title']} {one['refId']}": one["expr"] for panel in panels() for one in panel["targets"]}
    return of_alerts | of_panels


@dataclass(frozen=True)
class Selector:
    """A metric as an expression names it, and what its labels are compared with."""

    name: str
    matchers: tuple[tuple[str, str], ...]


def selectors(expression: str) -> list[Selector]:
    """Return the metrics of the service that an expression names."""
    return [
        Selector(name, tuple((label, value) for label, _, value in MATCHER.findall(matchers)))
        for name, matchers in SELECTOR.findall(expression)
    ]


def grouped_by(expression: str) -> set[str]:
    """Return the labels that an expression groups by."""
    return {label for labels in GROUPED.findall(expression) for label in re.split(r",\s*", labels)}


def exported(collector: ServiceCollector) -> dict[str, set[str]]:
    """Return the name of every series that the programs export, with its labels."""
    counted = [one for one in vars(metrics).values() if isinstance(one, MetricWrapperBase)]
    named = {one.describe()[0].name: one for one in counted}  # type: ignore[index]  # it is a list
    found: dict[str, set[str]] = {}
    for name, one in named.items():
        labels = set(one._labelnames)
        if one._type == "histogram":
            found |= {name + end: labels | {"le"} for end in HISTOGRAM_ENDS}
        else:
            found[name + ("_total" if one._type == "counter" else "")] = labels
    return found | _collected([*BuildInfo("web").collect(), *collector.collect()])


def _collected(families: Iterable[Metric]) -> dict[str, set[str]]:
    return {sample.name: set(sample.labels) for family in families for sample in family.samples}
