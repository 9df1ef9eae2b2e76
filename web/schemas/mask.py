"""A masked picture as JSON, in the admin API."""

from pydantic import BaseModel, ConfigDict, Field

from core.contract.options import Extent, Method, OutputFormat, Strength
from web.openapi.examples import MASKED
from web.schemas.common import Milliseconds, example
from web.schemas.detect import DetectResponse


class Masking(BaseModel):
    method: Method
    strength: Strength = Field(description="As requested.")
    cover: Extent
    padding: float
    regions_masked: int = Field(description="Faces, and the `mask_regions` of the call.")
    doubtful: int = Field(description="How many of the faces are doubtful: masked, and marked `review`.")
    kept_faces: int = Field(description="Faces found in the `keep_regions` of the call, and left as they are.")
    uncovered_faces: int = Field(description="The sure ones among them, which would have been masked.")
    effective_strength: int = Field(description="The largest used; never weaker than hides a face of that size.")


class Verified(BaseModel):
    """The outcome of searching the masked picture for faces."""

    model_config = ConfigDict(from_attributes=True)

    rounds: int = Field(description="How often it was masked again.")
    regions_masked_again: int
    residual_faces: int = Field(description="Always 0: a picture with more is not returned.")
    verify_ms: Milliseconds


class Output(BaseModel):
    format: OutputFormat
    quality: int
    size_bytes: int
    image_base64: str


class MaskResponse(DetectResponse):
    model_config = example(MASKED)

    masking: Masking
    metadata_removed: list[str] = Field(description="What the file held beside its picture, and the result lacks.")
    verification: Verified | None = Field(description="null where it was not searched again.")
    output: Output
