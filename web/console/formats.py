"""Numbers, sizes and times as people read them."""

from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from core import errors
from web.console.texts import Translator

UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
NONE = "–"
# A value of an option that stands for something else, and what that is.
STAND_INS: dict[str, tuple[object, str]] = {
    "max_faces": (0, "option.all"),
    "review_confidence": (None, "option.by_size"),
    "crf": (None, "option.use_setting"),
}
TITLES = {error.code: error.title for error in errors.leaves()}


def number(value: float | None) -> str:
    """Format a whole number with thousands separators."""
    return NONE if value is None else f"{value:,.0f}"


def plain(value: float) -> str:
    """Format a number without trailing zeros."""
    return f"{value:g}"


def size(value: int | None) -> str:
    """Format bytes in the unit that leaves few digits; 1 KB is 1000 bytes."""
    if value is None:
        return NONE
    scaled, unit = float(value), 0
    while scaled >= 999.5 and unit < len(UNITS) - 1:
        scaled, unit = scaled / 1000, unit + 1
    return f"{scaled:.0f} {UNITS[unit]}" if unit == 0 or scaled >= 99.95 else f"{scaled:.1f} {UNITS[unit]}"


def milliseconds(value: float | None) -> str:
    """Format a processing time."""
    if value is None:
        return NONE
    if value >= 10_000:
        return f"{value / 1000:,.1f} s"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms"


def percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def moment(value: datetime | None) -> str:
    """Format a timestamp in UTC; a script converts it to the viewer's time zone."""
    if value is None:
        return NONE
    utc = value.astimezone(UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(utc.isoformat(), utc.strftime("%Y-%m-%d %H:%M"))


def duration(seconds: float | None) -> str:
    """Format a remaining time in its largest unit and the one below."""
    if seconds is None:
        return NONE
    rounded = round(seconds)
    if rounded < 60:
        return f"{rounded} s"
    if rounded < 3600:
        return f"{rounded // 60} min {rounded % 60} s"
    return f"{rounded // 3600} h {rounded % 3600 // 60} min"


def rate(per_s: float | None) -> str:
    """Format a rate per second, or per minute where that is easier to read."""
    if per_s is None:
        return NONE
    return f"{per_s:.1f} / s" if per_s >= 1 else f"{per_s * 60:.0f} / min"


def problem(translator: Translator, code: str | None, detail: str | None) -> tuple[str, str]:
    """Return what an error means in the viewer's language, and the API's detail if that says more."""
    text = translator.get(f"errors.{code}", "")
    more = "" if detail == TITLES.get(code or "") or code == errors.InternalError.code else detail or ""
    return (text, more) if text else (more or code or NONE, "")


def said(translator: Translator, sentence: str) -> tuple[str, str]:
    """Return what the API says in the viewer's language, else as it is; and the language that it then is in."""
    translated = translator.say(sentence)
    return (sentence, "en") if translated is None else (translated, translator.language)


def field(translator: Translator, name: str) -> str:
    """Return the label of a field of the API beside its name, as scripts say it."""
    label = translator.get(f"option.{name}.label", "")
    return f"{label} ({name})" if label else name


def choice(translator: Translator, option: str, value: str) -> str:
    """Return the label of an option's value, beside the API's word where that is another."""
    label = translator.get(f"{option}.{value}", value)
    return label if label.lower() == value else f"{label} ({value})"


def option(translator: Translator, name: str, value: object) -> str:
    """Format an option of a batch or a video; a value that stands for something else is told as that."""
    if name in STAND_INS and value == STAND_INS[name][0]:
        return translator(STAND_INS[name][1])
    return choice(translator, name, value) if isinstance(value, str) else option_value(translator, value)


def option_value(translator: Translator, value: object) -> str:
    """Format the value of an option."""
    if isinstance(value, bool):
        return translator("option.yes" if value else "option.no")
    if isinstance(value, list):
        return "; ".join(map(_region, value)) or NONE
    return NONE if value is None else str(value)


def search_pass(one: dict[str, Any]) -> str:
    """Format a pass of a search: its name, the size that was searched, and how long that took."""
    width, height = one["input_size"]
    return f"{one['name']} {width} × {height} px, {milliseconds(one['inference_ms'])}"


def _region(region: dict[str, Any]) -> str:
    edges = "{x1:g}, {y1:g} – {x2:g}, {y2:g}".format(**region)
    return edges if region["unit"] == "pixels" else f"{edges} ({region['unit']})"
