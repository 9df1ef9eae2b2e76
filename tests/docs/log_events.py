"""The log events of the product, read from its source."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from core.config import ROOT

PACKAGES = ("core", "web", "worker", "admin")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
# What a call says to the logger rather than to the reader.
NOT_FIELDS = {"exc_info"}


@dataclass
class Event:
    """One event. levels: `exception` is an error with a traceback, `log` a level that depends."""

    levels: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)


def _calls() -> Iterator[ast.Call]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
                    if isinstance(node.func.value, ast.Name) and node.func.value.id == "log":
                        yield node
                    if isinstance(node.func.value, ast.Call) and ast.unparse(node.func.value.func).endswith("get"):
                        yield node


def from_source() -> dict[str, Event]:
    """Return every event by its name; a name that is no constant is the source's text of it."""
    events: defaultdict[str, Event] = defaultdict(Event)
    for call in _calls():
        assert isinstance(call.func, ast.Attribute)
        given = call.args[1 if call.func.attr == "log" else 0]
        name = given.value if isinstance(given, ast.Constant) else ast.unparse(given)
        event = events[str(name)]
        event.levels.add(call.func.attr)
        event.fields |= {keyword.arg for keyword in call.keywords if keyword.arg} - NOT_FIELDS
    return dict(events)
