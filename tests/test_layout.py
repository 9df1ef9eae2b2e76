"""Who may import whom, and how large a piece of code may be."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.config import ROOT

PACKAGES = ("core", "web", "worker", "admin", "migrations")
MODULE_LINES = 250
FUNCTION_LINES = 60
ARGUMENTS = 5

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Rule:
    """Only `who` (dotted names, with all below them) may use what is named `what`; `reason` says why, beside it."""

    what: tuple[str, ...]
    who: tuple[str, ...]
    reason: str


IMPORTS = (
    Rule(("flask", "werkzeug", "web"), ("web",), "the engine works without the web tier"),
    Rule(("worker",), ("worker",), "the web tier reaches the worker through the queue alone"),
    Rule(("admin",), ("admin",), "the command line stands on top"),
    Rule(("celery", "kombu"), ("core.queue", "worker"), "another queue is a change in one place"),
    Rule(("onnxruntime", "onnx"), ("core.vision",), "another runtime is a change in one place"),
    Rule(
        ("core.vision",),
        ("core.vision", "worker", "admin.service", "admin.weights", "admin.worker"),
        "pixels are the worker's; the command line fetches the weights",
    ),
    Rule(("minio",), ("core.storage",), "another object store is a change in one place"),
    Rule(("alembic",), ("core.schema", "migrations"), "tables are changed in one place"),
)
ENVIRONMENT = Rule(
    ("os.environ", "os.environb", "os.getenv", "os.putenv"),
    ("core.config", "admin.supervisor"),
    "settings have one door; the supervisor hands its own environment on, unread, to the programs it starts",
)
# (module, what it imports inside a function): the reason.
LATE_IMPORTS = {
    ("core.vision.weights", "httpx"): "slow to import, and no worker that loads its model needs it",
}


@dataclass(frozen=True)
class Module:
    name: str
    lines: int
    tree: ast.Module

    def imports(self) -> Iterator[str]:
        """Yield every module that is imported anywhere in this one; `from core import db` is core.db."""
        for node in ast.walk(self.tree):
            yield from _imported(node)

    def functions(self) -> Iterator[Function]:
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        assert not node.level, "a relative import hides where a name is from"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _read(path: Path) -> Module:
    text = path.read_text()
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return Module(name, len(text.splitlines()), ast.parse(text))


def _modules() -> list[Module]:
    paths = [ROOT / "celeryconfig.py"]
    for package in PACKAGES:
        paths += sorted((ROOT / package).rglob("*.py"))
    return [_read(path) for path in paths]


MODULES = _modules()


def _within(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or name.startswith(place + ".") for place in places)


def _findings(look: Callable[[Module], list[str]]) -> dict[str, list[str]]:
    """Look at every module; return what was found, by the module's name."""
    return {module.name: found for module in MODULES if (found := look(module))}


def _breaches(module: Module) -> list[str]:
    return [
        f"imports {name}: {rule.reason}"
        for rule in IMPORTS
        if not _within(module.name, rule.who)
        for name in module.imports()
        if _within(name, rule.what)
    ]


def _environment_reads(module: Module) -> list[str]:
    used = [ast.unparse(node) for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)]
    return [name for name in [*used, *module.imports()] if _within(name, ENVIRONMENT.what)]


def _late_imports(module: Module) -> list[str]:
    return [name for function in module.functions() for node in ast.walk(function) for name in _imported(node)]


def _large_functions(module: Module) -> list[str]:
    long = [f.name for f in module.functions() if f.end_lineno and f.end_lineno - f.lineno >= FUNCTION_LINES]
    wide = [f.name for f in module.functions() if _arguments(f) > ARGUMENTS]
    return long + wide


def _effects(module: Module) -> list[str]:
    """Find the bare calls at the top of a module: they are there for what they do."""
    return [ast.unparse(n) for n in module.tree.body if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call)]


def _arguments(function: Function) -> int:
    """Count what a caller gives: neither self nor cls, a star as one."""
    every = function.args
    named = [argument.arg for argument in [*every.posonlyargs, *every.args, *every.kwonlyargs]]
    stars = [star for star in (every.vararg, every.kwarg) if star]
    return len(named) + len(stars) - (named[:1] in (["self"], ["cls"]))


def test_imports_point_inwards() -> None:
    assert _findings(_breaches) == {}


def test_only_settings_read_environment() -> None:
    found = _findings(_environment_reads)
    assert {name for name in found if not _within(name, ENVIRONMENT.who)} == set(), ENVIRONMENT.reason


def test_imports_stand_at_the_top() -> None:
    found = {(module, name) for module, names in _findings(_late_imports).items() for name in names}
    assert found == set(LATE_IMPORTS), "one that is not exempted, or an exemption that nobody needs"


def test_modules_are_small() -> None:
    assert {module.name: module.lines for module in MODULES if module.lines > MODULE_LINES} == {}


def test_functions_are_small() -> None:
    assert _findings(_large_functions) == {}


def test_nothing_happens_on_import() -> None:
    # What Alembic runs is this one module, on import.
    assert set(_findings(_effects)) <= {"migrations.env"}


@pytest.mark.parametrize(
    ("name", "source", "breaches"),
    [
        ("core.images", "from core.vision import boxes", 1),
        ("core.images", "import core.vision.boxes", 1),
        ("core.services", "from flask import Flask", 1),
        ("core.services", "import web.app", 1),
        ("core.keys", "import celery", 1),
        ("core.queue", "import celery", 0),
        ("web.app", "from worker import tasks", 1),
        ("web.app", "import onnxruntime", 1),
        ("web.app", "from core import visions", 0),
        ("worker.tasks", "from core.vision import pipeline", 0),
        ("web.routes.public", "def view():\n    import minio", 1),
    ],
)
def test_rules_notice_a_breach(name: str, source: str, breaches: int) -> None:
    assert len(_breaches(Module(name, 1, ast.parse(source)))) == breaches


@pytest.mark.parametrize(
    "source",
    ["import os\nos.environ['A']", "import os\nx = {**os.environ}", "from os import environ", "os.getenv('A')"],
)
def test_rules_notice_the_environment(source: str) -> None:
    assert _environment_reads(Module("web.app", 1, ast.parse(source)))
