"""Detection responses: their shape, their rounding, and so the OpenAPI description."""

from typing import Annotated, Any, Self

from flask_openapi3.models.file import FileStorage
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator
from werkzeug.datastructures import FileStorage as UploadedFile

from core.contract.detections import Detection
from core.contract.models import CachedSchema
from core.contract.options import DetectOptions
from core.contract.region_options import RegionOptions, Regions, from_text
from core.contract.reports import DetectionReport
from web.forms import NOT_TEXT
from web.openapi.examples import DETECTED, REGIONS
from web.schemas.common import Milliseconds, example


class ImageUpload(CachedSchema):
    """The multipart form of detect and mask."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    image: FileStorage = Field(description="A JPEG, PNG, WebP, BMP, TIFF, HEIC or AVIF file.")

    @field_validator("image")
    @classmethod
    def is_a_file(cls, sent: object) -> object:
        """Refuse a text field of that name."""
        if not isinstance(sent, UploadedFile):
            raise ValueError(NOT_TEXT)  # noqa: TRY004 - pydantic's way
        return sent


def _text(name: str) -> WithJsonSchema:
    """Describe regions as the text field that holds them."""
    schema = {
        "type": "string",
        "description": RegionOptions.model_fields[name].description,
        "example": REGIONS,
    }
    return WithJsonSchema(schema)


class MaskUpload(ImageUpload):
    """The multipart form of mask: a picture, and regions of it as JSON in text fields."""

    mask_regions: Annotated[Regions, BeforeValidator(from_text), _text("mask_regions")] = ()
    keep_regions: Annotated[Regions, BeforeValidator(from_text), _text("keep_regions")] = ()

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Tell the framework, which asks without arguments at every request, that none of the fields is text.

        It reads text by Python's `json`, which raises on what is nested deeply; what is no text it hands on as it is.
        """
        schema = super().model_json_schema(*args, **kwargs)
        if args or kwargs:
            return schema
        return schema | {"properties": {name: {"type": "string", "format": "binary"} for name in cls.model_fields}}


Sides = Annotated[list[int], Field(min_length=2, max_length=2, description="Width and height, in pixels.")]


class HealthResponse(BaseModel):
    status: str = Field(description="`ok`, or `degraded` when something that is enabled is not ready.")
    model: str
    precision: str | None = Field(description="Arithmetic of the network: `fp32` or `int8`; null while none is loaded.")
    runtime: str | None = Field(description="What runs the network; null while none is loaded.")
    model_loaded: bool
    input_size: Sides
    supports_landmarks: bool
    database_enabled: bool
    database_ready: bool | None
    storage_enabled: bool
    storage_ready: bool | None


class ProbeResponse(BaseModel):
    status: str = Field(description="`ok` or `degraded`, as at `/health`.")


class ImageInfo(BaseModel):
    """The upright picture."""

    width: int
    height: int
    channels: int
    size_bytes: int


class Summary(BaseModel):
    face_count: int
    avg_confidence: float
    min_confidence: float
    max_confidence: float
    total_face_area: float
    face_area_ratio: float

    @classmethod
    def of(cls, detections: list[Detection], faces: int, pixels: int) -> Self:
        """Sum up so many faces; without any the confidences are 0."""
        scores = [detection["confidence"] for detection in detections] or [0.0]
        area = round(sum(detection["area"] for detection in detections), 2)
        return cls(
            face_count=faces,
            avg_confidence=round(sum(scores) / len(scores), 4),
            min_confidence=min(scores),
            max_confidence=max(scores),
            total_face_area=area,
            face_area_ratio=round(area / pixels, 4),
        )


class Processing(BaseModel):
    model: str
    precision: str | None = Field(description="Arithmetic of the network: `fp32` or `int8`; null without one.")
    runtime: str | None = Field(description="What ran the network; null without one.")
    smallest_face_px: float | None = Field(
        description="The longer side, in pixels of the picture, of the smallest face that was seen reliably."
    )
    input_size: Sides
    confidence_threshold: float
    nms_threshold: float
    inference_ms: Milliseconds
    total_ms: Milliseconds


class Pass(BaseModel):
    """One run of the network over the picture or a part of it."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(description="`main`, `close_up`, `large`, `tile`, `mirror`, `main_rotated_90` and so on.")
    input_size: Sides
    inference_ms: Milliseconds
    candidates: int = Field(description="Before those of one face were merged.")


class Profiling(BaseModel):
    """Where the time went, in milliseconds, and what went through; null for a step that was not taken."""

    decode_ms: Milliseconds
    preprocess_ms: Milliseconds
    blob_ms: Milliseconds
    inference_ms: Milliseconds
    postprocess_ms: Milliseconds
    nms_ms: Milliseconds
    mask_ms: Milliseconds | None
    verify_ms: Milliseconds | None
    encode_ms: Milliseconds | None
    storage_ms: Milliseconds | None
    total_ms: Milliseconds
    candidates_before_nms: int
    candidates_after_nms: int
    det_scale: float
    input_resolution: str
    det_resolution: str
    input_bytes: int
    output_bytes: int | None
    input_pixels: int
    model_name: str
    passes: list[Pass]

    @classmethod
    def of(cls, report: DetectionReport, input_bytes: int, total_ms: float, storage_ms: float | None) -> Self:
        found = report.detections
        return cls(
            **found.timings.model_dump(),
            storage_ms=storage_ms,
            total_ms=total_ms,
            candidates_before_nms=found.candidates_before_nms,
            candidates_after_nms=found.candidates_after_nms,
            det_scale=round(found.det_scale, 6),
            input_resolution=f"{report.width}x{report.height}",
            det_resolution=f"{found.input_size[0]}x{found.input_size[1]}",
            input_bytes=input_bytes,
            output_bytes=None,
            input_pixels=report.width * report.height,
            model_name=report.model,
            passes=[Pass.model_validate(each) for each in found.passes],
        )


class DetectResponse(BaseModel):
    model_config = example(DETECTED)

    request_id: str
    image_id: str | None
    job_id: str | None
    image: ImageInfo
    detections: list[Detection]
    summary: Summary
    processing: Processing
    profiling: Profiling


def processing(report: DetectionReport, options: DetectOptions, input_size: int, total_ms: float) -> Processing:
    """Describe what ran, with which thresholds."""
    return Processing(
        model=report.model,
        precision=report.precision,
        runtime=report.runtime,
        smallest_face_px=_rounded(report.detections.smallest_face_px),
        input_size=[input_size, input_size],
        confidence_threshold=options.confidence,
        nms_threshold=options.nms_threshold,
        inference_ms=report.detections.timings.inference_ms,
        total_ms=total_ms,
    )


def _rounded(length: float | None) -> float | None:
    return None if length is None else round(length, 1)
