"""Log events are stable names, and docs/operations.md lists every one with its fields."""

import re

from core.config import ROOT
from tests.docs import log_events

TEXT = (ROOT / "docs" / "operations.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (\w[^|]*) \| [^|]+ \| ([^|]*)\|$", re.MULTILINE)
LEVELS = {"exception": {"error"}, "log": {"debug", "info"}}


def _documented() -> dict[str, tuple[set[str], set[str]]]:
    section = TEXT.partition("<!-- log events -->")[2].partition("<!-- end of log events -->")[0]
    return {
        name: (set(re.findall(r"\w+", level)), set(re.findall(r"`(\w+)`", fields)))
        for name, level, fields in ROW.findall(section)
    }


def test_log_events_have_stable_names() -> None:
    assert [name for name in log_events.from_source() if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", name)] == []


def test_log_events_are_documented() -> None:
    found = log_events.from_source()
    levels = {name: set().union(*(LEVELS.get(one, {one}) for one in event.levels)) for name, event in found.items()}
    assert {name: (levels[name], event.fields) for name, event in found.items()} == _documented()
