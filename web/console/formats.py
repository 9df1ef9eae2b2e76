"""Numbers, sizes and moments as people read them."""

from datetime import UTC, datetime

from markupsafe import Markup

from web.console.texts import Translator

UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
NONE = "–"


def number(value: float | None) -> str:
    """Write a whole number with separators."""
    return NONE if value is None else f"{value:,.0f}"


def plain(value: float) -> str:
    """Write a number with no more digits than it has."""
    return f"{value:g}"


def size(value: int | None) -> str:
    """Write bytes in the unit that leaves few digits; 1 KB is 1000 bytes."""
    if value is None:
        return NONE
    left, unit = float(value), 0
    while left >= 999.5 and unit < len(UNITS) - 1:
        left, unit = left / 1000, unit + 1
    return f"{left:.0f} {UNITS[unit]}" if unit == 0 or left >= 99.95 else f"{left:.1f} {UNITS[unit]}"


def milliseconds(value: float | None) -> str:
    """Write a time that a machine took."""
    if value is None:
        return NONE
    if value >= 10_000:
        return f"{value / 1000:,.1f} s"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms"


def percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def moment(value: datetime | None) -> str:
    """Write a moment in UTC; a script puts it into the viewer's zone."""
    if value is None:
        return NONE
    told = value.astimezone(UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(told.isoformat(), told.strftime("%Y-%m-%d %H:%M"))


def duration(seconds: float | None) -> str:
    """Write how long something still takes, in the largest unit and the one below."""
    if seconds is None:
        return NONE
    left = round(seconds)
    if left < 60:
        return f"{left} s"
    if left < 3600:
        return f"{left // 60} min {left % 60} s"
    return f"{left // 3600} h {left % 3600 // 60} min"


def rate(per_s: float | None) -> str:
    """Write how many there are in a second, or in a minute where that says more."""
    if per_s is None:
        return NONE
    return f"{per_s:.1f} / s" if per_s >= 1 else f"{per_s * 60:.0f} / min"


def said(voice: Translator, value: object) -> str:
    """Write the value of an option."""
    if isinstance(value, bool):
        return voice("option.yes" if value else "option.no")
    return NONE if value is None else str(value)
