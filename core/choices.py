"""What a caller leaves open, decided once: so what is recorded is what was done."""

from typing import TypeVar

from core.config import Settings
from core.results import DetectOptions, MaskOptions

Options = TypeVar("Options", bound=DetectOptions)


def resolved(options: Options, settings: Settings) -> Options:
    """Fill in from the settings what a call's options leave open."""
    usual = settings.detail_mask if isinstance(options, MaskOptions) else settings.detail_detect
    return options.model_copy(update={"detail": options.detail or usual})
