"""What the Python client shares with the service, and its variant without asyncio: `python -m tests.clients.generated`.

The client is installed alone, so it can't import the service: it gets its own text of what both must agree on, which a
test compares.
"""

import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from core.batches import tree_names
from core.config import ROOT
from core.contract import fields, presets
from core.contract.fields import OptionField
from core.contract.options import CoverOptions, DetectOptions, MaskOptions
from core.contract.video_options import VideoQuery
from core.pictures import suffixes
from core.storage import objects

PACKAGE = ROOT / "clients/python/face_api_client"
HEAD = "# Made by `python -m tests.clients.generated` from {}: change it there.\n"
TYPES = {"boolean": "bool", "integer": "int", "number": "float", "text": "str", "regions": "Sequence[Region]"}
# From asyncio's words to those without.
WORDS = (
    (r"\bAwaitable, ", ""),
    (r"\bAwaitable\[([\w.]+)\]", r"\1"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\basync (?=def|with|for)", ""),
    (r"\bawait ", ""),
    (r"__a(enter|exit)__", r"__\1__"),
    (r"\ba(?=(?:read|close|iter_bytes|iter_lines)\b)", ""),
    (r"\basynccontextmanager\b", "contextmanager"),
    (r"\basyncio\.sleep\b", "time.sleep"),
    (r"\bimport asyncio\b", "import time"),
    (r"\basynchronous\b", "synchronous"),
)


def files() -> dict[Path, str]:
    """Return every generated file with its text."""
    made = {
        "options.py": _options(),
        "command/option_tables.py": _tables(),
        "command/suffixes.py": HEAD.format("core/pictures/suffixes.py") + inspect.getsource(suffixes),
        "command/tree_names.py": _tree_names(),
    }
    for path in (PACKAGE / "asynchronous").glob("[!_]*.py"):
        made[f"synchronous/{path.name}"] = HEAD.format(f"asynchronous/{path.name}") + _without_asyncio(path)
    return {PACKAGE / name: text for name, text in made.items()}


def _without_asyncio(path: Path) -> str:
    text = path.read_text()
    for words, other in WORDS:
        text = re.sub(words, other, text)
    return text


def _tree_names() -> str:
    """Return the module with what it needs of another."""
    own = f'FALLBACK_NAME = "{objects.FALLBACK_NAME}"\nFILENAME_BYTES = {objects.FILENAME_BYTES}\n'
    text = inspect.getsource(tree_names).replace("from core.storage import objects\n\n", own).replace("objects.", "")
    return f"{HEAD.format('core/batches/tree_names.py')}{text}\n\n{inspect.getsource(objects.shortened)}"


def _options() -> str:
    """Return the options as keyword arguments with types."""
    detect = set(DetectOptions.model_fields)
    classes = [
        *_typed("DetectOptions(TypedDict, total=False)", "Which faces count.", DetectOptions, set()),
        *_typed("MaskOptions(DetectOptions, total=False)", "How faces are masked, and which.", MaskOptions, detect),
        *_typed("CoverOptions(TypedDict, total=False)", "How faces are covered.", CoverOptions, set()),
        *_typed("VideoOptions(DetectOptions, total=False)", "How a video is masked.", VideoQuery, detect),
    ]
    return f'''{HEAD.format("core/contract")}"""The options of calls. What is left out, the service chooses."""

from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict


class Region(TypedDict):
    """A rectangle of the upright picture: pixels, or shares of its width and height."""

    unit: NotRequired[Literal["pixels", "relative"]]
    x1: float
    y1: float
    x2: float
    y2: float
''' + "\n".join(classes)


def _typed(head: str, told: str, model: type[BaseModel], inherited: set[str]) -> Iterator[str]:
    yield f'\n\nclass {head}:\n    """{told}"""\n'
    for field in fields.describe(model):
        if field.name not in inherited:
            told = textwrap.fill(field.description, 110, initial_indent="    # ", subsequent_indent="    # ")
            yield f"{told}\n    {field.name}: {_type(field)}"
    yield ""


def _type(field: OptionField) -> str:
    words = f"Literal[{', '.join(f'{choice!r}' for choice in field.choices)}]".replace("'", '"')
    if field.kind == "choice":
        return words
    return f"{TYPES[field.kind]} | {words}" if field.choices else TYPES[field.kind]


def _tables() -> str:
    """Return what the command needs to know of each option, and the presets."""
    models: dict[str, type[BaseModel]] = {"DETECT": DetectOptions, "MASK": MaskOptions, "VIDEO": VideoQuery}
    tables = (f"{name} = (\n{''.join(map(_entry, fields.describe(model)))})\n" for name, model in models.items())
    every = "".join(f"    {name!r}: {values!r},\n" for name, values in presets.PRESETS.items())
    return f'''{HEAD.format("core/contract")}"""The options as the command takes them."""

from typing import Any

from face_api_client.command.option_fields import OptionField

{"".join(tables)}PRESETS: dict[str, dict[str, Any]] = {{
{every}}}
'''


def _entry(field: OptionField) -> str:
    """Return a field, without what is the default of one."""
    members = ("default", "choices", "minimum", "maximum")
    shown = {name: getattr(field, name) for name in members if getattr(field, name) not in (None, ())}
    named = ", ".join(f"{name}={value!r}" for name, value in shown.items())
    lines = [f"{field.name!r}, {field.kind!r}", _shown(field.description), named]
    return "    OptionField(\n" + "".join(f"        {line},\n" for line in lines if line) + "    ),\n"


def _shown(value: Any) -> str:
    """Return a value as Python writes it; long texts in parts."""
    if not isinstance(value, str) or len(value) < 100:
        return repr(value)
    parts = textwrap.wrap(value, 95, drop_whitespace=False)
    return "(\n" + "".join(f"            {part!r}\n" for part in parts) + "        )"


def main() -> None:
    for path, text in files().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
