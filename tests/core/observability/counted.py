"""What this process has counted."""

from prometheus_client import Counter


def value(metric: Counter, *labels: str) -> float:
    """Return a counter's value."""
    return sum(sample.value for sample in metric.labels(*labels).collect()[0].samples if sample.name.endswith("_total"))  # type: ignore[index]  # it is a list
