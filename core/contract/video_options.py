"""The options of a video: those of a mask, and how its file is made."""

from typing import Annotated, Literal

from pydantic import Field

from core.contract.models import FrozenModel
from core.contract.numbers import WHOLE
from core.contract.options import CareOptions, DetectOptions, MaskLook, MaskQuery, ResolvedMaskOptions

VideoFormat = Literal["mp4", "webm", "same"]
AudioChoice = Literal["keep", "drop"]
MAX_STRIDE = 25  # chosen: a face that is seen for a second is searched for at least once


class FileOptions(FrozenModel):
    """How the masked video is written, and how many of its frames are searched."""

    format: Annotated[
        VideoFormat,
        Field(description="`mp4`: H.264; `webm`: VP9; `same`: as the upload is, and `mp4` for any other kind."),
    ] = "same"
    crf: Annotated[
        int | None,
        Field(
            ge=0,
            le=63,
            description="Constant quality: the lower, the better. Left out: 20 for H.264, 32 for VP9.",
        ),
        WHOLE,
    ] = None
    audio: Annotated[AudioChoice, Field(description="Whether the sound is kept, as it is, or dropped.")] = "keep"
    stride: Annotated[
        int,
        Field(
            ge=1,
            le=MAX_STRIDE,
            description="Search every n-th frame only; faces are followed between. Faster, and less sure.",
        ),
        WHOLE,
    ] = 1


class VideoQuery(FileOptions, CareOptions, MaskLook, DetectOptions):
    """Which faces of a video are covered, how, and how the file is made: what a call says in its URL."""

    # Which faces are the most confident would change from frame to frame.
    max_faces: Annotated[int, Field(ge=0, le=0, description="0: all faces of a video are masked."), WHOLE] = 0
    webhook_url: Annotated[
        str | None, Field(max_length=2000, description="Is told when the video has ended; as of batches.")
    ] = None

    def mask_query(self) -> MaskQuery:
        """Return the part that is about the mask of each frame."""
        return MaskQuery(**{name: getattr(self, name) for name in _MASK_FIELDS})


_MASK_FIELDS = [name for name in VideoQuery.model_fields if name not in {*FileOptions.model_fields, "webhook_url"}]


class ResolvedVideoOptions(FileOptions):
    """How a video is masked, nothing left open."""

    mask: ResolvedMaskOptions
