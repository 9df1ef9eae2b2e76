"""Options that belong together, by name: the console and the command offer them, a call sends what they stand for."""

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "standard": {},
    "safest": {"method": "solid", "cover": "head", "detail": "thorough", "doubtful": "mask", "verify": True},
    "gentle": {"method": "elliptical", "strength": "auto"},
    "fastest": {"detail": "fast"},
}
