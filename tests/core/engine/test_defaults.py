"""What a caller leaves open is decided by the settings, once."""

import pytest
from pydantic import ValidationError

from core import config
from core.contract.options import DetectOptions, MaskOptions, ResolvedMaskOptions
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
        ({"strength": "auto"}, {"allow_weak_masks": True}, True),
    ],
)
def test_verify_is_on_unless(options: dict[str, object], settings: dict[str, object], verify: bool) -> None:
    assert defaults.resolve(MaskOptions.model_validate(options), config.read(**settings)).verify is verify


def test_given_options_stay() -> None:
    given = MaskOptions(confidence=0.3, method="solid", detail="fast", verify=True, doubtful="leave")
    assert defaults.resolve(given, config.read()).model_dump() == given.model_dump()


def test_limit_for_doubtful_faces_asks_for_their_masks() -> None:
    settings = config.read(mask_doubtful=False)
    assert defaults.resolve(MaskOptions(), settings).doubtful == "leave"
    assert defaults.resolve(MaskOptions(review_confidence=0.3), settings).doubtful == "mask"


@pytest.mark.parametrize("name", ["detail", "verify", "doubtful"])
def test_resolved_options_leave_nothing_open(name: str) -> None:
    resolved = defaults.resolve(MaskOptions(), config.read()).model_dump()
    with pytest.raises(ValidationError):
        ResolvedMaskOptions.model_validate(resolved | {name: None})
