"""Uploads of videos in pieces."""

import uuid
from typing import Annotated, Self

from pydantic import BaseModel, Field

from core.batches.videos.uploads import VideoUpload
from core.contract.numbers import WHOLE
from web.openapi.video_examples import AN_UPLOAD
from web.schemas.common import example, json_body
from web.schemas.ids import PathId


class UploadPath(BaseModel):
    upload_id: PathId


class UploadCreation(BaseModel):
    """The file that will be uploaded."""

    model_config = json_body({"filename": "street.mp4", "size_bytes": 48211034})

    filename: Annotated[str, Field(min_length=1, max_length=1024)]
    size_bytes: Annotated[int, Field(ge=1, description="Of the whole file."), WHOLE]


class UploadResponse(BaseModel):
    """An upload, and how much of it has arrived."""

    model_config = example(AN_UPLOAD)

    id: uuid.UUID = Field(description="What `POST /videos` takes as `upload_id`; also the id of the video then.")
    filename: str
    size_bytes: int
    offset: int = Field(description="How many bytes have arrived: where the next piece begins.")

    @classmethod
    def of(cls, upload: VideoUpload) -> Self:
        return cls(id=upload.id, filename=upload.filename, size_bytes=upload.size_bytes, offset=upload.offset)
