"""What a caller leaves open is decided by the settings, once."""

import pytest

from core import config
from core.contract.options import DetectOptions, MaskOptions
from core.engine import defaults


def test_details_are_the_settings() -> None:
    settings = config.read(detail_detect="balanced", detail_mask="thorough")
    assert defaults.resolve(DetectOptions(), settings).detail == "balanced"
    assert defaults.resolve(MaskOptions(), settings).detail == "thorough"


@pytest.mark.parametrize(
    ("options", "settings", "verify"),
    [
        ({}, {}, True),
        ({"detail": "thorough"}, {}, True),
        ({"detail": "fast"}, {}, False),
        ({}, {"detail_mask": "fast"}, False),
        ({}, {"verify_masks": False}, False),
        ({}, {"allow_weak_masks": True}, False),
        ({"verify": True, "detail": "fast"}, {"verify_masks": False, "allow_weak_masks": True}, True),
        ({"verify": False}, {}, False),
    ],
)
def test_verify_is_on_unless(options: dict[str, object], settings: dict[str, object], verify: bool) -> None:
    assert defaults.resolve(MaskOptions.model_validate(options), config.read(**settings)).verify is verify
