"""The numbers of a running service, as Prometheus reads them."""

import itertools
from dataclasses import dataclass

import requests
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from core.observability.exporter import PORTS_AFTER, Program
from tests.ports import free_port
from tests.stack import Stack

PROGRAMS: tuple[Program, ...] = ("web", "worker", "maintenance")
FIRST_TRIES = 100


def free_ports() -> str:
    """Return the first of as many free ports in a row as there are programs, for the setting."""
    for first in itertools.islice(iter(free_port, None), FIRST_TRIES):
        following = [free_port() for _ in PROGRAMS[1:]]
        if following == [first + after for after in range(1, len(PROGRAMS))]:
            return str(first)
    raise AssertionError("there are no free ports in a row")


def text(service: Stack, program: Program) -> str:
    """Return what a program's /metrics answers."""
    port = int(service.settings["FACE_API_METRICS_PORT"]) + PORTS_AFTER[program]
    answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.text


@dataclass(frozen=True)
class Numbers:
    """What one program said at a moment."""

    samples: tuple[Sample, ...]

    def sum(self, name: str, **labels: str) -> float:
        """Return the sum of a metric over the series that have these labels."""
        return sum(one.value for one in self.samples if one.name == name and labels.items() <= one.labels.items())

    def values(self, name: str, label: str) -> set[str]:
        """Return the values of a label of a metric."""
        return {one.labels[label] for one in self.samples if one.name == name}


def numbers(service: Stack, program: Program) -> Numbers:
    """Return the numbers of a program now."""
    families = text_string_to_metric_families(text(service, program))
    return Numbers(tuple(sample for family in families for sample in family.samples))
