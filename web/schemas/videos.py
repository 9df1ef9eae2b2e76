"""Videos in the API."""

import uuid
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from core.batches.videos.lifecycle import VideoProgress
from core.contract import states
from web.openapi.video_examples import A_VIDEO, ACCEPTED
from web.schemas.common import ListOf, Paging, Timestamp, example, example_page, inline, json_body
from web.schemas.ids import PathId
from web.schemas.records import WebhookUrl

VideoStatus = Annotated[states.VideoStatus, inline(states.VideoStatus)]
OF_PICTURES = {"format", "quality", "mask_regions", "keep_regions"}
Share = Annotated[float, AfterValidator(lambda share: round(share, 4))]


class VideoPath(BaseModel):
    video_id: PathId


def _alone(name: str, other: str) -> dict[str, Any]:
    return {"required": [name], "properties": {name: {"type": "string"}, other: {"type": "null"}}}


EITHER: dict[str, Any] = {"anyOf": [_alone("source_key", "upload_id"), _alone("upload_id", "source_key")]}


class VideoCreation(BaseModel):
    """A video that is there already: in the bucket, or uploaded in pieces. Exactly one of the two is named."""

    model_config = json_body({"source_key": "camera-7/2026-03-04.mp4"}) | ConfigDict(json_schema_extra=EITHER)

    source_key: (
        Annotated[str, Field(min_length=1, max_length=1024, description="The key of an object of the bucket.")] | None
    ) = None
    upload_id: (
        Annotated[uuid.UUID, Field(strict=False, description="Of an upload of which all pieces are there.")] | None
    ) = None

    @model_validator(mode="after")
    def _one_is_named(self) -> Self:
        if (self.source_key is None) == (self.upload_id is None):
            raise ValueError("Name either a source_key or an upload_id")
        return self


class VideoListQuery(Paging):
    """Which videos."""

    status: Annotated[VideoStatus | None, Field(description="Only videos in this state.")] = None


class VideoAccepted(BaseModel):
    """A video that waits for its first step."""

    model_config = example(ACCEPTED)

    id: uuid.UUID
    status_url: str


class VideoError(BaseModel):
    code: str
    detail: str


class VideoResponse(BaseModel):
    """A video, and how far it is. What is not known yet is null."""

    model_config = example(A_VIDEO)

    id: uuid.UUID
    filename: str
    size_bytes: int
    status: VideoStatus
    progress: Share = Field(description="Of the whole way, 0 to 1.")
    frames_total: int | None
    frames_done: int = Field(description="By the step that runs: searched while `detecting`, later rendered.")
    eta_s: Annotated[float, AfterValidator(lambda left_s: round(left_s, 1))] | None = Field(
        description="How long the rest takes at the rate so far."
    )
    duration_s: float | None
    width: int | None = Field(description="Of the upright picture.")
    height: int | None
    fps: float | None = Field(description="The mean, where it varies.")
    codec: str | None
    faces_tracked: int | None = Field(description="Tracks: a face that comes back after a while is another one.")
    interpolated_share: Share | None = Field(description="Of all boxes: those of frames in which a face was not seen.")
    dropped: list[str] | None = Field(description="What of the upload is not in the result, by name.")
    result_size_bytes: int | None
    options: dict[str, Any] = Field(description="Every option, with its default filled in.")
    webhook_url: WebhookUrl
    error: VideoError | None
    created_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None

    @classmethod
    def of(cls, progress: VideoProgress) -> Self:
        """Describe a video."""
        video = progress.video
        same = {name: getattr(video, name) for name in cls.model_fields if hasattr(video, name)}
        file_options = {name: value for name, value in video.options.items() if name != "mask"}
        mask = video.options["mask"].items()
        mask_options = {name: value for name, value in mask if name not in OF_PICTURES}
        error = {"code": video.error_code, "detail": video.error_detail or ""} if video.error_code else None
        return cls.model_validate(
            same
            | {
                "progress": progress.share,
                "frames_done": progress.frames_done,
                "eta_s": progress.remaining_s,
                "options": mask_options | file_options,
                "error": error,
            }
        )


class VideoList(ListOf[VideoResponse]):
    model_config = example_page(A_VIDEO)
