"""Who may import whom, and how large a piece of code may be."""

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.config import ROOT

PACKAGES = ("core", "web", "worker", "admin", "migrations")
CLIENT = "clients/python"  # a distribution of its own; its packages are found below this folder
MODULE_LINES = 250
TEST_MODULE_LINES = 400
FUNCTION_LINES = 60
ARGUMENTS = 5
FOLDER_ENTRIES = 20

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Rule:
    """Only `who` (dotted names, with all below them) may use what is named `what`; `reason` says why, beside it."""

    what: tuple[str, ...]
    who: tuple[str, ...]
    reason: str


# Of core.video, what the web tier may know.
LIGHT_VIDEO_MODULES = {"signatures"}
VIDEO_MODULES = {path.stem for path in (ROOT / "core/video").glob("*.py")} - LIGHT_VIDEO_MODULES - {"__init__"}
IMPORTS = (
    Rule(("flask", "werkzeug", "web"), ("web",), "the engine works without the web tier"),
    Rule(("worker",), ("worker",), "the web tier reaches the worker through the queue alone"),
    Rule(("admin",), ("admin",), "the command line stands on top"),
    Rule(("face_api_client",), ("admin", "face_api_client"), "the service does not need its clients"),
    Rule(
        ("celery", "kombu"),
        ("core.engine.client", "core.engine.celery_apps", "core.engine.wakeups", "worker"),
        "another queue is a change in one place",
    ),
    Rule(("onnxruntime", "onnx"), ("core.vision",), "another runtime is a change in one place"),
    Rule(("core.vision",), ("core.video", "core.vision", "worker"), "pixels are the worker's"),
    Rule(
        ("cv2", "numpy", "PIL", "pillow_heif", "simplejpeg", "core.pictures.images", "core.pictures.thumbnails"),
        ("core.pictures", "core.video", "core.vision", "worker"),
        "the web tier reads headers; decoders cost 40 MB a process, and hostile files reach them",
    ),
    Rule(("gc",), ("core.system.memory",), "one place says what is never collected, and why"),
    Rule(("av",), ("core.video",), "one place opens videos: with the demuxers and decoders that it allows"),
    Rule(
        tuple(f"core.video.{module}" for module in VIDEO_MODULES),
        ("core.video", "worker"),
        "the web tier knows the first bytes of a video; hostile files reach what decodes",
    ),
    Rule(
        ("core.weights",),
        (
            "core.weights",
            "core.vision.runtimes",
            "core.vision.detector",
            "worker",
            "admin.service",
            "admin.weights",
            "admin.worker",
        ),
        "the command line fetches model files, the worker loads them",
    ),
    Rule(("minio",), ("core.storage.s3",), "another object store is a change in one place"),
    Rule(("alembic",), ("core.database.migrations", "migrations"), "tables are changed in one place"),
    Rule(
        ("core.webhooks.posts",),
        ("core.webhooks.posts", "core.webhooks.deliveries"),
        "only the worker's delivery task opens sockets to URLs that somebody else gave",
    ),
    Rule(
        ("core.webhooks.deliveries",),
        ("core.webhooks.deliveries", "worker.webhooks"),
        "only the worker opens sockets to URLs that somebody else gave",
    ),
    Rule(
        ("core.storage.s3.S3Store", "core.storage.folder.FolderStore", "core.engine.celery_apps.celery_app"),
        ("core.services", "worker.app", "web.routes.objects"),
        "clients are made in the composition root; the worker's app is Celery's own entry",
    ),
)
# What each package of core/ may import of core, beside itself. What is not listed may import any of it.
ALLOWED = {
    "core.errors": (),
    "core.system": (),
    "core.contract": ("core.errors",),
    "core.pictures": ("core.errors", "core.contract"),
    "core.settings": (),
    "core.config": ("core.errors", "core.contract", "core.settings"),
    "core.observability": ("core.config", "core.system", "core.contract"),
    "core.database": ("core.config", "core.system", "core.contract"),
    "core.storage": ("core.errors", "core.config", "core.observability", "core.system"),
    "core.weights": ("core.errors", "core.config"),
    "core.engine": ("core.errors", "core.config", "core.observability", "core.contract"),
    "core.webhooks": ("core.errors", "core.config", "core.observability", "core.contract", "core.database"),
    "core.access": (
        *("core.errors", "core.settings", "core.config", "core.observability"),
        *("core.contract", "core.database"),
    ),
    "core.vision": (
        *("core.errors", "core.config", "core.observability", "core.system"),
        *("core.contract", "core.pictures", "core.weights"),
    ),
    "core.video": (
        *("core.errors", "core.config", "core.observability", "core.system"),
        *("core.contract", "core.pictures", "core.vision"),
    ),
    "core.records": (
        *("core.errors", "core.config", "core.observability", "core.contract"),
        *("core.pictures", "core.database", "core.storage", "core.engine"),
    ),
    "core.batches": (
        *("core.errors", "core.config", "core.observability", "core.contract"),
        *("core.pictures", "core.database", "core.storage", "core.records", "core.webhooks.events"),
    ),
}
ENVIRONMENT = Rule(
    ("os.environ", "os.environb", "os.getenv", "os.putenv"),
    (
        *("core.config", "core.vision.runtimes", "core.observability.metric_files", "admin.supervisor"),
        "face_api_client.command.targets",
    ),
    "settings have one door; the supervisor hands its own environment on, unread, to the programs it starts; the"
    " numbers' library knows no other way to be told its folder; the client's command has no settings of the service",
)
# (module, what it imports inside a function): the reason.
LATE_IMPORTS = {
    ("core.pictures.decoders", "pillow_heif"): "may be left out where HEIC is switched off",
    ("core.vision.runtimes.models", "core.vision.runtimes.openvino_runtime.OpenVinoNetwork"): "of an extra",
    ("core.observability.traces", "core.observability.open_telemetry.OpenTelemetryTracer"): "of an extra",
    ("web.auth.oidc.single_sign_on", "web.auth.oidc.providers.Provider"): "costs 10 MB a process where it is used",
    ("core.weights.locations", "httpx"): "slow to import, and no worker that loads its model needs it",
}
# Subcommands import what they work with when they work: `--help` would wait for the database's library alone 0.3 s.
COMMANDS = {
    f"admin.{name}"
    for name in ("__main__", "admin", "admins", "backups.commands", "keys", "main", "maintenance", "migrate", "up")
}


@dataclass(frozen=True)
class Module:
    name: str
    lines: int
    tree: ast.Module

    def imports(self) -> Iterator[str]:
        """Yield every module or name that is imported in this one; `from core import errors` is core.errors."""
        for node in ast.walk(self.tree):
            yield from _imported(node)

    def functions(self) -> Iterator[Function]:
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node

    def classes(self) -> Iterator[str]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ClassDef):
                yield node.name


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        assert not node.level, "a relative import hides where a name is from"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _read(path: Path) -> Module:
    text = path.read_text()
    root = ROOT / CLIENT if path.is_relative_to(ROOT / CLIENT) else ROOT
    name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    return Module(name, len(text.splitlines()), ast.parse(text))


def _modules(*packages: str) -> list[Module]:
    return [_read(path) for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


MODULES = [_read(ROOT / "celeryconfig.py"), *_modules(*PACKAGES, f"{CLIENT}/face_api_client")]


def _within(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or name.startswith(place + ".") for place in places)


def _findings(look: Callable[[Module], list[str]]) -> dict[str, list[str]]:
    """Look at every module; return what was found, by the module's name."""
    return {module.name: found for module in MODULES if (found := look(module))}


def _breaches(module: Module) -> list[str]:
    of_rules = [
        f"imports {name}: {rule.reason}"
        for rule in IMPORTS
        if not _within(module.name, rule.who)
        for name in module.imports()
        if _within(name, rule.what)
    ]
    if _within(module.name, ("face_api_client",)):
        service = [name for name in module.imports() if _within(name, PACKAGES)]
        return of_rules + [f"imports {name}: the client is installed alone" for name in service]
    room = next((room for room in ALLOWED if _within(module.name, (room,))), None)
    if room is None:
        return of_rules
    strangers = [
        f"imports {name}: {room} may not"
        for name in module.imports()
        if name.split(".")[0] == "core"
        and not _within(name, (room, *ALLOWED[room]))
        # `ROOT` and the like: a name of a module that is allowed, or a package's own.
        and name != "core"
    ]
    return of_rules + strangers


def _environment_reads(module: Module) -> list[str]:
    used = [ast.unparse(node) for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)]
    return [name for name in [*used, *module.imports()] if _within(name, ENVIRONMENT.what)]


def _redis_clients(module: Module) -> list[str]:
    """Find where clients of Redis are made; the type alone may be imported anywhere."""
    calls = [node.func for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    return [name for name in map(ast.unparse, calls) if name.endswith(("from_url", "Redis"))]


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


def _entries(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name not in {"__pycache__", "__init__.py"}]


def test_imports_point_inwards() -> None:
    assert _findings(_breaches) == {}


def test_only_settings_read_environment() -> None:
    found = _findings(_environment_reads)
    assert {name for name in found if not _within(name, ENVIRONMENT.who)} == set(), ENVIRONMENT.reason


def test_imports_stand_at_the_top() -> None:
    found = {(module, name) for module, names in _findings(_late_imports).items() for name in names}
    assert {module for module, _ in found} >= COMMANDS
    found = {(module, name) for module, name in found if module not in COMMANDS}
    assert found == set(LATE_IMPORTS), "one that is not exempted, or an exemption that nobody needs"


def test_modules_are_small() -> None:
    assert {module.name: module.lines for module in MODULES if module.lines > MODULE_LINES} == {}


def test_test_modules_are_small() -> None:
    assert {module.name: module.lines for module in _modules("tests") if module.lines > TEST_MODULE_LINES} == {}


def test_folders_have_few_entries() -> None:
    trees = [ROOT / tree for tree in (*PACKAGES, f"{CLIENT}/face_api_client")]
    # Migrations only ever grow in number.
    folders = {path.parent for tree in trees for path in tree.rglob("*.py") if path.parent.name != "versions"}
    assert {ROOT / "web/routes", ROOT / "core/pictures/heif"} <= folders
    entries = {str(folder.relative_to(ROOT)): len(_entries(folder)) for folder in folders}
    assert {package: count for package, count in entries.items() if count > FOLDER_ENTRIES} == {}


def test_redis_clients_are_made_in_the_composition_root() -> None:
    assert set(_findings(_redis_clients)) == {"core.services"}
    assert _redis_clients(Module("web.app", 1, ast.parse("import redis\nredis.Redis.from_url('')\nredis.Redis()")))


def test_functions_are_small() -> None:
    assert _findings(_large_functions) == {}


@pytest.mark.parametrize("is_client", [False, True], ids=["service", "client"])
def test_class_names_are_unique(is_client: bool) -> None:
    modules = [module for module in MODULES if _within(module.name, ("face_api_client",)) == is_client]
    counts = Counter(name for module in modules for name in module.classes())
    assert len(counts) > 20
    assert {name: count for name, count in counts.items() if count > 1} == {}


def test_nothing_happens_on_import() -> None:
    # What Alembic runs is this one module, on import.
    assert set(_findings(_effects)) <= {"migrations.env"}


@pytest.mark.parametrize(
    ("name", "source", "breaches"),
    [
        ("core.services", "from flask import Flask", 1),
        ("core.services", "import web.app", 1),
        ("core.access.keys", "import celery", 1),
        ("core.engine.client", "import celery", 0),
        ("web.app", "from worker import tasks", 1),
        ("web.app", "import onnxruntime", 1),
        ("web.app", "from core import visions", 0),
        ("web.routes.public", "from core.vision import pipeline", 1),
        ("web.routes.public", "from core.weights import manifest", 1),
        ("worker.tasks", "from core.vision import pipeline", 0),
        ("web.uploads.pictures", "from core.pictures import images", 1),
        ("web.uploads.pictures", "from core.pictures import headers", 0),
        ("core.records.records", "import numpy as np", 1),
        ("web.routes.public", "def view():\n    import minio", 1),
        ("core.services", "import minio", 1),
        ("core.storage.s3", "import minio", 0),
        ("core.contract.options", "from core.config import Settings", 1),
        ("core.contract.options", "from core import errors", 0),
        ("core.pictures.images", "from core.vision import boxes", 2),
        ("core.pictures.images", "from core.contract.options import OutputFormat", 0),
        ("core.database.pages", "from core.records import records", 1),
        ("core.database.pages", "from core import config", 0),
        ("core.storage.objects", "from core.database import models", 1),
        ("core.records.records", "from core.batches import items", 1),
        ("core.batches.items", "from core.records import records", 0),
        ("core.engine.client", "from core.database import engine", 1),
        ("core.access.uses", "from core.engine.protocol import NAMESPACE", 1),
        ("core.vision.detector", "from core.records import records", 1),
        ("core.webhooks.deliveries", "from core.batches import lifecycle", 1),
        ("core.batches.lifecycle", "from core.webhooks import posts", 2),
        ("web.routes.public", "from core.webhooks import posts", 1),
        ("web.app", "from core.storage.s3 import S3Store", 1),
        ("worker.batches", "from core.engine.celery_apps import celery_app", 1),
        ("core.batches.lifecycle", "from core.webhooks import deliveries", 2),
        ("core.batches.lifecycle", "from core.webhooks import events", 0),
        ("core.webhooks.events", "from core.webhooks import posts", 1),
        ("core.webhooks.events", "from core.webhooks import deliveries", 1),
        ("web.routes.admin_batch_results", "from core.webhooks import deliveries", 1),
        ("web.routes.admin_batch_results", "from core.webhooks import events", 0),
        ("worker.batches", "from core.webhooks.deliveries import deliver_due", 1),
        ("worker.webhooks", "from core.webhooks import deliveries", 0),
        ("core.observability.logs", "from core import errors", 1),
        ("core.observability.exporter", "from core.engine import client", 1),
        ("core.weights.downloads", "from core.vision import detector", 2),
        ("core.settings", "from core import config", 1),
        ("core.system.cpus", "from core import config", 1),
        ("core.system.memory", "from core.observability import logs", 1),
        ("core.errors", "from core.observability import logs", 1),
        ("core.config", "from core.database import engine", 1),
        ("core.video.media", "from core.storage import objects", 1),
        ("core.video.media", "import av", 0),
        ("worker.tasks", "import av", 1),
        ("web.uploads", "from core.video import media", 1),
        ("web.uploads", "from core.video import signatures", 0),
        ("face_api_client.command.options", "from core.contract import options", 1),
        ("face_api_client.command.main", "from admin import main", 2),
        ("web.app", "from face_api_client import errors", 1),
        ("admin.main", "from face_api_client.command import main", 0),
    ],
)
def test_rules_notice_a_breach(name: str, source: str, breaches: int) -> None:
    assert len(_breaches(Module(name, 1, ast.parse(source)))) == breaches


def test_every_room_has_a_planted_breach() -> None:
    (cases,) = (mark.args[1] for mark in test_rules_notice_a_breach.pytestmark)  # type: ignore[attr-defined]  # pytest's own
    planted = {name for name, _, breaches in cases if breaches}
    assert {room for room in ALLOWED if not any(_within(name, (room,)) for name in planted)} == set()


@pytest.mark.parametrize(
    "source",
    ["import os\nos.environ['A']", "import os\nx = {**os.environ}", "from os import environ", "os.getenv('A')"],
)
def test_rules_notice_the_environment(source: str) -> None:
    assert _environment_reads(Module("web.app", 1, ast.parse(source)))
