"""What crosses the service's borders: options in, reports out. The API's defaults and ranges stand here, once."""

from functools import cache
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Method = Literal["gaussian", "pixelate", "solid", "elliptical"]
OutputFormat = Literal["jpeg", "png", "webp"]
Detail = Literal["fast", "balanced", "thorough"]
Point = tuple[float, float]
Box = tuple[float, float, float, float]


class CachedSchema(BaseModel):
    """A model whose JSON schema is made once: the web framework asks for it at every request."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return super().model_json_schema(*args, **kwargs) if args or kwargs else _schema(cls)


@cache
def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(by_alias=True)


class Frozen(CachedSchema):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DetectOptions(Frozen):
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
    ] = 0
    detail: Annotated[
        Detail | None,
        Field(description="How closely the picture is searched; left out, as the service is set."),
        # None is what a caller leaves out, and no value that it could send.
        WithJsonSchema({"type": "string", "enum": list(get_args(Detail))}),
    ] = None


class MaskOptions(DetectOptions):
    """Which faces are covered, how, and how the result is encoded."""

    method: Annotated[
        Method,
        Field(description="How a face is covered; `elliptical` is the blur inside an ellipse."),
    ] = "gaussian"
    strength: Annotated[
        int,
        Field(
            ge=1,
            le=999,
            description="Blur kernel or cell size in pixels; raised where it is too weak for the size of a face.",
        ),
    ] = 199
    padding: Annotated[
        float,
        Field(ge=0, le=2, description="The box grows by this share of its size on every side."),
    ] = 0.15
    format: Annotated[OutputFormat, Field(description="The format of the answer.")] = "jpeg"
    quality: Annotated[
        int,
        Field(ge=1, le=100, description="Of jpeg and webp (100: lossless webp); png ignores it."),
    ] = 95
    review_confidence: Annotated[
        float,
        Field(
            ge=0.01,
            le=1,
            description="With detail=thorough, faces from here up to `confidence` are masked too, and marked `review`.",
        ),
    ] = 0.25
    verify: Annotated[
        bool | None,
        Field(
            description="Whether faces are looked for in the masked picture too: what is still found is masked again,"
            " or the call fails. Left out: as the service is set, and not with detail=fast."
        ),
        WithJsonSchema({"type": "boolean"}),
    ] = None


class Face(Frozen):
    """One face of the upright picture. box: left, top, right, bottom in pixels, clipped to the picture.

    landmarks: left eye, right eye, nose, left and right mouth corner (as the viewer sees them), or None for a
    model without them. review: doubtful, so that a person should look.
    """

    box: Box
    confidence: float
    landmarks: tuple[Point, Point, Point, Point, Point] | None = None
    review: bool = False


class HandMaskOptions(MaskOptions):
    """Masks for faces that a person has pointed at. What is about finding faces lets every one of them through.

    nms_threshold: two boxes are one only where they are the same, as a picture with alpha is searched twice.
    verify: a person judges the result, and what they have taken the mask from stays visible.
    """

    confidence: float = 0.01
    nms_threshold: float = 0.999999
    verify: bool | None = False
    faces: tuple[Face, ...] = ()


class Timings(Frozen):
    """Milliseconds spent in each step; None for a step that was not taken."""

    decode_ms: float = 0.0
    preprocess_ms: float = 0.0
    blob_ms: float = 0.0
    inference_ms: float = 0.0
    postprocess_ms: float = 0.0
    nms_ms: float = 0.0
    mask_ms: float | None = None
    verify_ms: float | None = None
    encode_ms: float | None = None


class PassReport(Frozen):
    """One run of the network. input_size: (width, height); candidates: before any were merged."""

    name: str
    input_size: tuple[int, int]
    inference_ms: float
    candidates: int


class Found(Frozen):
    """What a detector answers for one picture. input_size: (width, height) of the network's main pass.

    The timings are sums over the passes.
    """

    faces: tuple[Face, ...]
    timings: Timings
    candidates_before_nms: int
    candidates_after_nms: int
    det_scale: float
    input_size: tuple[int, int]
    passes: tuple[PassReport, ...] = ()


class Report(Frozen):
    """The outcome of detection. width, height, channels: of the upright picture.

    metadata_removed: what the file holds beside its picture, and a masked picture lacks; by name (core/metadata.py).
    """

    width: int
    height: int
    channels: int
    model: str
    found: Found
    metadata_removed: tuple[str, ...] = ()


class Verification(Frozen):
    """What came of looking for faces in the masked picture. rounds: of masking again, 0 to 2; residual_faces: 0."""

    rounds: int
    regions_masked_again: int
    residual_faces: int
    verify_ms: float


class Cover(Frozen):
    """What was done to a picture: the faces found, the regions masked, the largest strength used.

    verification: None where nobody looked again.
    """

    report: Report
    regions: int
    effective_strength: int
    verification: Verification | None = None


class Masked(Frozen):
    """A masked picture, encoded, and what was done to it."""

    cover: Cover
    image: bytes
