"""The README's table of settings, made from the settings themselves: `python -m tests.readme` renews it."""

import typing
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from core import config
from core.config import ROOT, Settings

README = ROOT / "README.md"
BEGIN, END = "<!-- settings -->", "<!-- end of settings -->"


def settings_table() -> str:
    """Return the table: name, type, default, meaning."""
    rows = [
        f"| `{config.PREFIX}{name.upper()}` | {_type(field)} | {_default(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| setting | type | default | meaning |", "|---|---|---|---|", *rows])


def documented_table(text: str) -> str:
    """Return what stands in the README now."""
    return text.partition(BEGIN)[2].partition(END)[0].strip()


def _type(field: FieldInfo) -> str:
    if typing.get_origin(field.annotation) is typing.Literal:
        return " ".join(f"`{choice}`" for choice in typing.get_args(field.annotation))
    names: dict[Any, str] = {str: "text", Path: "path", SecretStr: "secret", bool: "true / false"}
    name = names.get(field.annotation) or {int: "integer", float: "number"}.get(field.annotation, "text")
    limits = {type(limit).__name__: limit for limit in field.metadata}
    low = next((str(getattr(limits[kind], kind.lower())) for kind in ("Ge", "Gt") if kind in limits), "")
    high = str(limits["Le"].le) if "Le" in limits else ""
    return f"{name} {low}–{high}" if high else f"{name} ≥ {low}" if low and "Ge" in limits else name


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, Path) and value.is_absolute():
        value = value.relative_to(ROOT)
    return f"`{value}`" if str(value) else ""


if __name__ == "__main__":
    before, _, rest = README.read_text().partition(BEGIN)
    README.write_text(f"{before}{BEGIN}\n{settings_table()}\n{END}{rest.partition(END)[2]}")
