"""Batches and their items in the admin API."""

import uuid
from typing import Annotated, Any

from flask_openapi3.models.file import FileStorage
from pydantic import (
    AfterValidator,
    AliasGenerator,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
)
from werkzeug.datastructures import FileStorage as UploadedFile

from core.batches.items import ItemFilter
from core.batches.uploads import UnsentCode, UnsentPicture
from core.contract.models import CachedSchema
from web.forms import NOT_TEXT
from web.openapi.batch_examples import A_BATCH, A_RECEIPT, AN_ITEM
from web.schemas.common import (
    BatchStatus,
    ItemState,
    JobType,
    ListOf,
    Moment,
    Paging,
    Timestamp,
    example,
    example_page,
    json_body,
)
from web.schemas.ids import PathId
from web.schemas.records import ProcessedUrl, WebhookUrl


class BatchPath(BaseModel):
    batch_id: PathId


class BatchItemPath(BatchPath):
    item_id: PathId


class ImageUploads(CachedSchema):
    """The multipart form of an upload to a batch."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    images: list[FileStorage] = Field(
        min_length=1,
        description="Pictures, as many as one body holds. The name of each is its name in the batch: a relative path.",
    )

    @field_validator("images")
    @classmethod
    def are_files(cls, sent: list[object]) -> list[object]:
        """Refuse text fields of that name."""
        if not all(isinstance(one, UploadedFile) for one in sent):
            raise ValueError(NOT_TEXT)
        return sent


class UnsentUpload(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=2000, description="What the file is called, in any characters.")
    size_bytes: int = Field(ge=0, le=2**53, description="How large it is.")
    code: UnsentCode = Field(description="Why it was not sent.")

    def file(self) -> UnsentPicture:
        return UnsentPicture(self.name, self.size_bytes, self.code)


class UnsentUploads(BaseModel):
    """Files that were chosen for a batch and can't be sent to it."""

    model_config = json_body({"files": [{"name": "panorama.tif", "size_bytes": 400000000, "code": "upload_too_large"}]})

    files: list[UnsentUpload] = Field(min_length=1, max_length=1000, description="What they are called, and why.")


class BatchQuery(Paging):
    """Which batches."""

    status: Annotated[BatchStatus | None, Field(description="Only batches in this state.")] = None


class ItemQuery(Paging):
    """Which items; in the order in which they were added, or with `finished_after` in which they finished."""

    state: Annotated[ItemState | None, Field(description="Only items in this state.")] = None
    finished_after: Annotated[
        Moment | None, Field(description="Only items that finished at this moment or later; UTC by default.")
    ] = None

    def filter(self) -> ItemFilter:
        return ItemFilter(self.state, self.finished_after)


class Counts(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    queued: int
    running: int
    completed: int
    failed: int
    cancelled: int
    refused: int = Field(description="Uploaded, but no pictures that are taken.")
    deleted: int = Field(description="With their images: nothing else is known of them.")
    total: int


class BatchResponse(BaseModel):
    """A batch. open: it takes uploads, and is processed already; running: closed; completed: nothing is left to do."""

    # Built from a Progress: a field without an alias of its own is a column of its batch.
    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=lambda name: AliasPath("batch", name)), **example(A_BATCH)
    )

    id: uuid.UUID
    name: str
    job_type: JobType
    options: dict[str, Any] = Field(description="Every option, with its default filled in.")
    status: BatchStatus
    counts: Counts = Field(validation_alias="batch")
    faces: int = Field(description="Found in the completed items.")
    rate_per_s: Annotated[float, AfterValidator(lambda rate: round(rate, 3))] | None = Field(
        description="Items finished per second, recently.", validation_alias="rate_per_s"
    )
    remaining_s: Annotated[float, AfterValidator(lambda left_s: round(left_s, 1))] | None = Field(
        description="How long the rest takes at that rate.", validation_alias="remaining_s"
    )
    to_review: int = Field(
        description="Jobs with a face that a person should check; `GET /reviews?batch_id=` lists them.",
        validation_alias="to_review",
    )
    webhook_url: WebhookUrl
    prefix: str | None
    created_at: Timestamp
    closed_at: Timestamp | None
    finished_at: Timestamp | None


class BatchList(ListOf[BatchResponse]):
    model_config = example_page(A_BATCH)


class ItemError(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    code: str = Field(validation_alias="error_code")
    detail: Annotated[str, BeforeValidator(lambda detail: detail or "")] = Field(validation_alias="error_detail")


def _failed(row: Any) -> Any:
    return row if row.error_code else None


class ItemResponse(BaseModel):
    """A picture of a batch. What it doesn't have yet, or no longer, is null."""

    # Built from an ItemRecord: a field without an alias of its own is a column of its row.
    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=lambda name: AliasPath("row", name)), **example(AN_ITEM)
    )

    id: uuid.UUID
    name: str | None = Field(description="Null once the picture is deleted.")
    state: ItemState
    attempts: int
    error: Annotated[ItemError | None, BeforeValidator(_failed)] = Field(validation_alias="row")
    image_id: uuid.UUID | None
    job_id: uuid.UUID | None
    face_count: int | None
    result_url: ProcessedUrl = Field(
        description="The masked picture; the link works for a while.", validation_alias="processed_s3_key"
    )
    size_bytes: int
    sha256: str | None = Field(description="Of the picture as uploaded.", validation_alias=AliasPath("row", "digest"))
    result_sha256: str | None = Field(
        description="Of the masked picture.", validation_alias=AliasPath("row", "result_digest")
    )
    corrected: Annotated[bool, BeforeValidator(bool)] = Field(
        description="Whether a person has masked it again: its job and result are theirs since.",
        validation_alias=AliasPath("row", "corrected_at"),
    )
    uncovered_faces: int | None = Field(
        description="Faces that were surely found and that somebody has left visible, by hand or by `keep_regions`.",
        validation_alias="uncovered_faces",
    )
    created_at: Timestamp
    finished_at: Timestamp | None


class ItemList(ListOf[ItemResponse]):
    model_config = example_page(AN_ITEM)


class AcceptedFile(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    state: ItemState
    duplicate: bool = Field(description="Whether the same picture was there before under this name.")


class RefusedFile(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    code: str
    detail: str


class ReceiptResponse(BaseModel):
    """What became of each file: an item, or why it was refused."""

    model_config = example(A_RECEIPT)

    accepted: list[AcceptedFile]
    refused: list[RefusedFile]
