"""A masked picture as JSON, which the admin API answers."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from core.contract.options import Method, OutputFormat
from core.contract.reports import Verification
from web.openapi.examples import MASKED, REQUEST_ID
from web.schemas.detect import DetectResponse


class Masking(BaseModel):
    method: Method
    strength: int = Field(description="What was asked for.")
    padding: float
    regions_masked: int
    effective_strength: int = Field(description="The largest used; never weaker than hides a face of that size.")


class Verified(BaseModel):
    """What came of looking for faces in the masked picture."""

    rounds: int = Field(description="How often it was masked again, at most twice.")
    regions_masked_again: int
    residual_faces: int = Field(description="Always 0: a picture with more is not answered.")
    verify_ms: float

    @classmethod
    def of(cls, verification: Verification) -> Self:
        return cls(**verification.model_dump() | {"verify_ms": round(verification.verify_ms, 2)})


class Output(BaseModel):
    format: OutputFormat
    quality: int
    size_bytes: int
    image_base64: str


class MaskResponse(DetectResponse):
    # The OpenAPI package's own key.
    model_config = ConfigDict(openapi_extra={"example": MASKED, "headers": REQUEST_ID})  # type: ignore[typeddict-unknown-key]

    masking: Masking
    metadata_removed: list[str] = Field(description="What the file held beside its picture, and the result lacks.")
    verification: Verified | None = Field(description="null where nobody looked again.")
    output: Output
