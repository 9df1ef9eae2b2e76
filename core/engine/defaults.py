"""What a caller leaves open is decided once, from the settings: so what is recorded is what was done."""

from typing import overload

from core.config import Settings
from core.contract.options import DetectOptions, MaskQuery, ResolvedDetectOptions, ResolvedMaskOptions


@overload
def resolve(options: MaskQuery, settings: Settings) -> ResolvedMaskOptions: ...
@overload
def resolve(options: DetectOptions, settings: Settings) -> ResolvedDetectOptions: ...
def resolve(options: DetectOptions, settings: Settings) -> ResolvedDetectOptions:
    """Fill in from the settings what a call's options leave open."""
    given = options.model_dump()
    if not isinstance(options, MaskQuery):
        return ResolvedDetectOptions(**given | {"detail": options.detail or settings.detail_detect})
    detail = options.detail or settings.detail_mask
    # A weak mask leaves a face to be found by intention: to verify it is to make it strong.
    weak = settings.allow_weak_masks and options.strength != "auto"
    usual = settings.verify_masks and detail != "fast" and not weak
    verify = usual if options.verify is None else options.verify
    # Whoever names a limit for doubtful faces wants them masked.
    named = options.review_confidence is not None
    doubtful = options.doubtful or ("mask" if settings.mask_doubtful or named else "leave")
    return ResolvedMaskOptions(**given | {"detail": detail, "verify": verify, "doubtful": doubtful})
