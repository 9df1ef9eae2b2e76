# Made by `python -m tests.clients.generated` from core/contract: change it there.
"""The options of calls. What is left out, the service chooses."""

from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict


class Region(TypedDict):
    """A rectangle of the upright picture: pixels, or shares of its width and height."""

    unit: NotRequired[Literal["pixels", "relative"]]
    x1: float
    y1: float
    x2: float
    y2: float


class DetectOptions(TypedDict, total=False):
    """Which faces count."""

    # The least confidence of a face.
    confidence: float
    # Two boxes whose IoU is above this are one face.
    nms_threshold: float
    # Keep only so many faces, the most confident; 0: all. On a mask the others stay visible.
    max_faces: int
    # How closely the picture is searched; left out, as the service is set.
    detail: Literal["fast", "balanced", "thorough"]



class MaskOptions(DetectOptions, total=False):
    """How faces are masked, and which."""

    # How a face is covered; `elliptical` is the blur inside an ellipse.
    method: Literal["gaussian", "pixelate", "solid", "elliptical"]
    # Blur kernel or cell size in pixels; raised where it is too weak for the size of a face. `auto`: the
    # weakest that hides a face of that size.
    strength: int | Literal["auto"]
    # What of a person is covered: the face, or the head with hair, ears and chin.
    cover: Literal["face", "head"]
    # The box grows by this share of its size on every side.
    padding: float
    # The format of the answer.
    format: Literal["jpeg", "png", "webp"]
    # Of jpeg and webp (100: lossless webp); png ignores it.
    quality: int
    # What is done with faces below `confidence` that are likely enough for their size: `mask` covers them and
    # marks them `review`. Left out: as the service is set.
    doubtful: Literal["mask", "leave"]
    # The least confidence of doubtful faces, in place of the limits by their size.
    review_confidence: float
    # Whether faces are looked for in the masked picture too: what is still found is masked again, or the call
    # fails. Left out: as the service is set, and not with detail=fast.
    verify: bool
    # What is always masked, whether a face is there or not: a JSON array of rectangles.
    mask_regions: Sequence[Region]
    # Where faces are left: those whose centre lies inside. A JSON array of rectangles.
    keep_regions: Sequence[Region]



class CoverOptions(TypedDict, total=False):
    """How faces are covered."""

    # How a face is covered; `elliptical` is the blur inside an ellipse.
    method: Literal["gaussian", "pixelate", "solid", "elliptical"]
    # Blur kernel or cell size in pixels; raised where it is too weak for the size of a face. `auto`: the
    # weakest that hides a face of that size.
    strength: int | Literal["auto"]
    # What of a person is covered: the face, or the head with hair, ears and chin.
    cover: Literal["face", "head"]
    # The box grows by this share of its size on every side.
    padding: float
    # The format of the answer.
    format: Literal["jpeg", "png", "webp"]
    # Of jpeg and webp (100: lossless webp); png ignores it.
    quality: int



class VideoOptions(DetectOptions, total=False):
    """How a video is masked."""

    # How a face is covered; `elliptical` is the blur inside an ellipse.
    method: Literal["gaussian", "pixelate", "solid", "elliptical"]
    # Blur kernel or cell size in pixels; raised where it is too weak for the size of a face. `auto`: the
    # weakest that hides a face of that size.
    strength: int | Literal["auto"]
    # What of a person is covered: the face, or the head with hair, ears and chin.
    cover: Literal["face", "head"]
    # The box grows by this share of its size on every side.
    padding: float
    # What is done with faces below `confidence` that are likely enough for their size: `mask` covers them and
    # marks them `review`. Left out: as the service is set.
    doubtful: Literal["mask", "leave"]
    # The least confidence of doubtful faces, in place of the limits by their size.
    review_confidence: float
    # Whether faces are looked for in the masked picture too: what is still found is masked again, or the call
    # fails. Left out: as the service is set, and not with detail=fast.
    verify: bool
    # `mp4`: H.264; `webm`: VP9; `same`: as the upload is, and `mp4` for any other kind.
    format: Literal["mp4", "webm", "same"]
    # Constant quality: the lower, the better. Left out: 20 for H.264, 32 for VP9.
    crf: int
    # Whether the sound is kept, as it is, or dropped.
    audio: Literal["keep", "drop"]
    # Search every n-th frame only; faces are followed between. Faster, and less sure.
    stride: int
    # Is told when the video has ended; as of batches.
    webhook_url: str
