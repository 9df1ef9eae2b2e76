"""The options of detect and mask: the API's defaults, ranges and descriptions stand here, once.

`DetectOptions` and `MaskOptions` are what a caller sends; `detail`, `verify` and `doubtful` may be left open.
`ResolvedDetectOptions` and `ResolvedMaskOptions` (core/engine/defaults.py) are what is done, recorded and sent on.
"""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, WithJsonSchema, model_validator

from core.contract.models import FrozenModel
from core.contract.numbers import WHOLE, IntegerOr
from core.contract.region_options import RegionOptions, Regions
from core.contract.reports import Face

Method = Literal["gaussian", "pixelate", "solid", "elliptical"]
OutputFormat = Literal["jpeg", "png", "webp"]
Detail = Literal["fast", "balanced", "thorough"]
Doubtful = Literal["mask", "leave"]
Extent = Literal["face", "head"]
Strength = int | Literal["auto"]


class DetectOptions(FrozenModel):
    """Which faces count. `max_faces` 0 means all of them."""

    confidence: Annotated[float, Field(ge=0.01, le=1.0, description="The least confidence of a face.")] = 0.5
    nms_threshold: Annotated[
        float,
        Field(ge=0.01, le=1.0, description="Two boxes whose IoU is above this are one face."),
    ] = 0.4
    max_faces: Annotated[
        int,
        Field(
            ge=0, description="Keep only so many faces, the most confident; 0: all. On a mask the others stay visible."
        ),
        WHOLE,
    ] = 0
    detail: Annotated[
        Detail | None,
        Field(description="How closely the picture is searched; left out, as the service is set."),
        # None is what a caller leaves out, and no value that it could send.
        WithJsonSchema({"type": "string", "enum": list(get_args(Detail))}),
    ] = None


class MaskLook(FrozenModel):
    """How a face is covered."""

    method: Annotated[
        Method,
        Field(description="How a face is covered; `elliptical` is the blur inside an ellipse."),
    ] = "gaussian"
    strength: Annotated[
        Strength,
        IntegerOr("auto", ge=1, le=999),
        Field(
            description="Blur kernel or cell size in pixels; raised where it is too weak for the size of a face."
            " `auto`: the weakest that hides a face of that size."
        ),
    ] = 199
    cover: Annotated[
        Extent,
        Field(description="What of a person is covered: the face, or the head with hair, ears and chin."),
    ] = "face"
    padding: Annotated[
        float,
        Field(ge=0, le=2, description="The box grows by this share of its size on every side."),
    ] = 0.15


class CoverOptions(MaskLook):
    """How a face is covered, and how the result is encoded."""

    format: Annotated[OutputFormat, Field(description="The format of the answer.")] = "jpeg"
    quality: Annotated[
        int,
        Field(ge=1, le=100, description="Of jpeg and webp (100: lossless webp); png ignores it."),
        WHOLE,
    ] = 95


class CareOptions(FrozenModel):
    """What is done in doubt, and whether the result is searched again."""

    doubtful: Annotated[
        Doubtful | None,
        Field(
            description="What is done with faces below `confidence` that are likely enough for their size: `mask`"
            " covers them and marks them `review`. Left out: as the service is set."
        ),
        WithJsonSchema({"type": "string", "enum": list(get_args(Doubtful))}),
    ] = None
    review_confidence: Annotated[
        float | None,
        Field(
            ge=0.01,
            le=1,
            description="The least confidence of doubtful faces, in place of the limits by their size.",
        ),
        WithJsonSchema({"type": "number", "minimum": 0.01, "maximum": 1}),
    ] = None
    verify: Annotated[
        bool | None,
        Field(
            description="Whether faces are looked for in the masked picture too: what is still found is masked again,"
            " or the call fails. Left out: as the service is set, and not with detail=fast."
        ),
        WithJsonSchema({"type": "boolean"}),
    ] = None


class MaskQuery(CareOptions, CoverOptions, DetectOptions):
    """Which faces are covered, how, and how the result is encoded: what a call says in its URL."""


class MaskOptions(RegionOptions, MaskQuery):
    """All options of a mask: a call sends the regions in its form, a batch everything together."""


class ResolvedDetectOptions(DetectOptions):
    """How a picture is searched, nothing left open. The default is for batches that are older than the option."""

    detail: Detail = "balanced"


class ResolvedMaskOptions(ResolvedDetectOptions, MaskOptions):
    """How a picture is masked, nothing left open. The default is for batches that are older than the option."""

    verify: bool = True
    doubtful: Doubtful = "leave"

    @model_validator(mode="before")
    @classmethod
    def thorough_masked_doubtful_faces(cls, values: Any) -> Any:
        """Read a batch that is older than `doubtful`: a thorough search masked them."""
        if isinstance(values, dict) and values.get("detail") == "thorough":
            return {"doubtful": "mask"} | values
        return values


class ManualMaskOptions(CoverOptions):
    """How the faces that a person has marked are covered: all of them, and nothing else.

    mask_regions: what the call had asked for whose result is edited: that stays masked.
    """

    faces: tuple[Face, ...] = ()
    mask_regions: Regions = ()
