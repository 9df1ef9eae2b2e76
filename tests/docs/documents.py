"""The documents: where they are, and the parts of them that tests read.

`python -m tests.docs.documents` renews the table of settings in docs/settings.md.
"""

import re
import typing
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from core import config
from core.config import ROOT, Settings

README = ROOT / "README.md"
DOCS = ROOT / "docs"
SETTINGS = DOCS / "settings.md"
BEGIN, END = "<!-- settings -->", "<!-- end of settings -->"
FENCE = re.compile(r"^(```+)(\w*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)")


def all_documents() -> list[Path]:
    """Return every document that people read."""
    folders = [ROOT / "weights", ROOT / "clients" / "python", ROOT / "clients" / "typescript"]
    return [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md")), *(folder / "README.md" for folder in folders)]


def examples(language: str) -> list[str]:
    """Return the code of all documents in a language; what stands in two of them comes once."""
    return list(dict.fromkeys(code for path in all_documents() for code in examples_of(path, language)))


def examples_of(path: Path, language: str) -> list[str]:
    return [code for _, kind, code in FENCE.findall(path.read_text()) if kind == language]


def section(path: Path, title: str) -> str:
    """Return the text below a heading, up to the next one of its level or above."""
    text = path.read_text()
    heading = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert heading, f"{path.name} has no heading {title!r}"
    rest = text[heading.end() :]
    following = re.search(rf"^#{{1,{len(heading[1])}}} ", rest, re.MULTILINE)
    return rest[: following.start()] if following else rest


def rows(text: str) -> list[list[str]]:
    """Return the cells of the rows of a text's tables, without their headings."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    rules = [at for at, row in enumerate(cells) if all(set(cell) <= set("-: ") for cell in row)]
    headings = {at - step for at in rules for step in (0, 1)}
    return [row for at, row in enumerate(cells) if at not in headings]


def coded(text: str) -> list[str]:
    """Return what stands in backticks."""
    return [code for _, code in CODE.findall(FENCE.sub("", text))]


def settings_table() -> str:
    """Return the table: name, type, default, meaning."""
    rows = [
        f"| `{config.PREFIX}{name.upper()}` | {_type(field)} | {_default(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| setting | type | default | meaning |", "|---|---|---|---|", *rows])


def documented_table(text: str) -> str:
    """Return the table that stands in a text now."""
    return text.partition(BEGIN)[2].partition(END)[0].strip()


def _type(field: FieldInfo) -> str:
    if typing.get_origin(field.annotation) is typing.Literal:
        return " ".join(f"`{choice}`" for choice in typing.get_args(field.annotation))
    names: dict[Any, str] = {str: "text", Path: "path", SecretStr: "secret", bool: "true / false"}
    numbers: dict[Any, str] = {int: "integer", float: "number"}
    name = names.get(field.annotation) or numbers.get(field.annotation, "text")
    limits = {type(limit).__name__: limit for limit in field.metadata}
    low = next((str(getattr(limits[kind], kind.lower())) for kind in ("Ge", "Gt") if kind in limits), "")
    high = str(limits["Le"].le) if "Le" in limits else ""
    return f"{name} {low}–{high}" if high else f"{name} ≥ {low}" if low and "Ge" in limits else name


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, Path) and value.is_absolute():
        value = value.relative_to(ROOT)
    return f"`{value}`" if str(value) else ""


if __name__ == "__main__":
    before, _, rest = SETTINGS.read_text().partition(BEGIN)
    SETTINGS.write_text(f"{before}{BEGIN}\n{settings_table()}\n{END}{rest.partition(END)[2]}")
