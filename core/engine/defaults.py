"""What a caller leaves open, decided once: so what is recorded is what was done."""

from typing import TypeVar

from core.config import Settings
from core.contract.options import DetectOptions, MaskOptions

Options = TypeVar("Options", bound=DetectOptions)


def resolve(options: Options, settings: Settings) -> Options:
    """Fill in from the settings what a call's options leave open."""
    if not isinstance(options, MaskOptions):
        return options.model_copy(update={"detail": options.detail or settings.detail_detect})
    detail = options.detail or settings.detail_mask
    # A weak mask leaves a face to be found by intention: to verify it is to make it strong.
    usual = settings.verify_masks and detail != "fast" and not settings.allow_weak_masks
    verify = usual if options.verify is None else options.verify
    return options.model_copy(update={"detail": detail, "verify": verify})
