"""What a new batch is made of, and its description: as narrow as the check."""

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.contract import problems, region_options, states
from core.contract.options import DetectOptions, MaskOptions
from core.contract.region_options import RegionOptions
from core.errors import InvalidOption
from core.errors.problems import FieldProblem
from core.storage.objects import OWN_PREFIXES
from web.schemas import unknown_names
from web.schemas.common import DescribedAs, JobType, Name, json_body


def _importable() -> str:
    """Return bucket_imports.is_importable as a pattern."""
    own = "|".join(OWN_PREFIXES)
    parts = "|".join(prefix[:length] for prefix in OWN_PREFIXES for length in range(1, len(prefix)))
    return rf"^(?!({parts})$)(?!{own})(?!/|\.\.?/)(?![\s\S]*(//|/\.\.?/|\x00))"


IMPORTABLE = _importable()


OF_MASK_ALONE = [name for name in MaskOptions.model_fields if name not in DetectOptions.model_fields]
# The options are described as those of a mask: a detection has some of them. (The framework knows no `if`.)
NO_MASK_OPTION_OF_DETECT: dict[str, Any] = {
    "not": {
        "properties": {
            "job_type": {"const": states.JobType.DETECT},
            "options": {"anyOf": [{"properties": {name: {}}, "required": [name]} for name in OF_MASK_ALONE]},
        },
        "required": ["job_type", "options"],
    }
}


class BatchCreation(BaseModel):
    model_config = json_body(
        {"name": "press photos", "options": {"method": "pixelate", "confidence": 0.4}}
    ) | ConfigDict(json_schema_extra=NO_MASK_OPTION_OF_DETECT)

    name: Annotated[Name, Field(description="What people know the batch by.")]
    job_type: Annotated[JobType, Field(strict=False, description="What is done to each picture.")] = states.JobType.MASK
    options: Annotated[
        dict[str, Any],
        DescribedAs(MaskOptions),
        Field(description="The parameters of `/mask` or `/detect`, by name; what is left out has its default."),
    ] = {}
    webhook_url: Annotated[
        str | None,
        Field(max_length=2000, pattern="^https?://[!-~]+$", description="Notified when the batch is finished."),
    ] = None
    prefix: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=500,
            json_schema_extra={"pattern": IMPORTABLE},
            description="Import every picture of the bucket whose key has this prefix, instead of uploads.",
        ),
    ] = None

    def validated_options(self) -> DetectOptions:
        """Return the options of the job type; InvalidOption names those that it does not have."""
        model = MaskOptions if self.job_type == states.JobType.MASK else DetectOptions
        lists = {name: sent for name, sent in self.options.items() if name in RegionOptions.model_fields}
        if long := [name for name, sent in lists.items() if region_options.are_too_many(sent)]:
            raise InvalidOption.of(FieldProblem(f"options.{name}", region_options.TOO_MANY) for name in long)
        try:
            # As JSON: there a list of regions is strict enough.
            return model.model_validate_json(json.dumps(self.options), strict=True)
        except ValidationError as error:
            found = problems.of(error, "options")
            raise InvalidOption.of(unknown_names.explain_in(found, model, within="options")) from error
