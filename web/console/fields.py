"""The API's options as groups of form fields."""

from core.contract import fields
from core.contract.fields import OptionField
from core.contract.options import DetectOptions, MaskOptions


def groups() -> dict[str, list[OptionField]]:
    """Return the options of a mask: how faces are masked, and which faces are detected."""
    detection = {*DetectOptions.model_fields, "review_confidence"}
    options = fields.describe(MaskOptions)
    return {
        "masking": [option for option in options if option.name not in detection],
        "detection": [option for option in options if option.name in detection],
    }
