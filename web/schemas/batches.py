"""Batches and their items as the admin API words them."""

import uuid
from typing import Annotated, Any, Literal, Self

from flask_openapi3.models.file import FileStorage
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from werkzeug.datastructures import FileStorage as UploadedFile

from core.batches.items import ItemFilter, ItemRecord
from core.batches.lifecycle import Progress
from core.batches.uploads import UploadReceipt
from core.contract.models import CachedSchema
from core.contract.options import DetectOptions, MaskOptions
from core.errors import FieldProblem, InvalidOption
from web import links
from web.openapi.examples import A_BATCH, A_RECEIPT, AN_ITEM
from web.schemas.keys import Name, json_body
from web.schemas.records import JobType, ListOf, Moment, Paging, PathId, Timestamp, example, example_page

BatchStatus = Literal["open", "running", "completed", "cancelled"]
ItemState = Literal["queued", "running", "completed", "failed", "cancelled"]


class BatchPath(BaseModel):
    batch_id: PathId


class BatchItemPath(BatchPath):
    item_id: PathId


class BatchCreation(BaseModel):
    model_config = json_body({"name": "press photos", "options": {"method": "pixelate", "confidence": 0.4}})

    name: Annotated[Name, Field(description="What people know the batch by.")]
    job_type: Annotated[JobType, Field(description="What is done to each picture.")] = "mask"
    options: Annotated[
        dict[str, Any],
        Field(description="The parameters of `/mask` or `/detect`, by name; what is left out has its default."),
    ] = {}
    webhook_url: Annotated[
        str | None, Field(max_length=2000, pattern="^https?://", description="Told when the batch is finished.")
    ] = None
    prefix: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=500,
            description="Take every picture of the bucket whose key begins so, instead of uploads.",
        ),
    ] = None

    def validated_options(self) -> DetectOptions:
        """Return the options of the job type; InvalidOption names those that are none."""
        model = MaskOptions if self.job_type == "mask" else DetectOptions
        try:
            return model.model_validate(self.options, strict=True)
        except ValidationError as error:
            problems = tuple(
                FieldProblem(".".join(["options", *map(str, problem["loc"])]), str(problem["msg"]))
                for problem in error.errors(include_url=False, include_context=False, include_input=False)
            )
            raise InvalidOption(
                "; ".join(f"{one.field}: {one.message}" for one in problems), problems=problems
            ) from error


class ImageUploads(CachedSchema):
    """The multipart form of an upload to a batch."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    images: list[FileStorage] = Field(
        description="Pictures, as many as one body holds. The name of each is its name in the batch: a relative path."
    )

    @field_validator("images")
    @classmethod
    def are_files(cls, sent: list[object]) -> list[object]:
        """Refuse text fields of that name."""
        if not all(isinstance(one, UploadedFile) for one in sent):
            raise ValueError("Send these as files")
        return sent


class BatchQuery(Paging):
    """Which batches."""

    status: Annotated[BatchStatus | None, Field(description="Only batches in this state.")] = None


class ItemQuery(Paging):
    """Which items; in the order in which they came, or with `finished_after` in that in which they finished."""

    state: Annotated[ItemState | None, Field(description="Only items in this state.")] = None
    finished_after: Annotated[
        Moment | None, Field(description="Only items that finished at this moment or later; UTC by default.")
    ] = None

    def filter(self) -> ItemFilter:
        return ItemFilter(self.state, self.finished_after)


class Counts(BaseModel):
    queued: int
    running: int
    completed: int
    failed: int
    cancelled: int
    total: int


class BatchResponse(BaseModel):
    """A batch. open: it takes uploads, and works already; running: closed; completed: nothing is left to be done."""

    model_config = example(A_BATCH)

    id: uuid.UUID
    name: str
    job_type: JobType
    options: dict[str, Any] = Field(description="Every option, as it is applied.")
    status: BatchStatus
    counts: Counts
    faces: int = Field(description="Found in the completed items.")
    rate_per_s: float | None = Field(description="Items finished a second, of late.")
    remaining_s: float | None = Field(description="How long the rest takes at that rate.")
    webhook_url: str | None
    prefix: str | None
    created_at: Timestamp
    closed_at: Timestamp | None
    finished_at: Timestamp | None

    @classmethod
    def of(cls, found: Progress) -> Self:
        batch = found.batch
        told = {name: getattr(batch, name) for name in cls.model_fields if hasattr(batch, name)}
        counts = Counts(**{name: getattr(batch, name) for name in Counts.model_fields})
        rate, remaining = found.rate_per_s, found.remaining_s
        return cls(
            **told,
            counts=counts,
            rate_per_s=None if rate is None else round(rate, 3),
            remaining_s=None if remaining is None else round(remaining, 1),
        )


class BatchList(ListOf[BatchResponse]):
    model_config = example_page(A_BATCH)


class ItemError(BaseModel):
    code: str
    detail: str


class ItemResponse(BaseModel):
    """A picture of a batch. What it doesn't have yet, or no more, is null."""

    model_config = example(AN_ITEM)

    id: uuid.UUID
    name: str
    state: ItemState
    attempts: int
    error: ItemError | None
    image_id: uuid.UUID | None
    job_id: uuid.UUID | None
    face_count: int | None
    result_url: str | None = Field(description="The masked picture; the link works for a while.")
    size_bytes: int
    sha256: str | None = Field(description="Of the picture as it was sent.")
    result_sha256: str | None = Field(description="Of the masked picture.")
    created_at: Timestamp
    finished_at: Timestamp | None

    @classmethod
    def of(cls, found: ItemRecord) -> Self:
        row, key = found.row, found.processed_s3_key
        told = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)}
        error = ItemError(code=row.error_code, detail=row.error_detail or "") if row.error_code else None
        url = links.processed(key) if key else None
        return cls(**told, error=error, result_url=url, sha256=row.digest, result_sha256=row.result_digest)


class ItemList(ListOf[ItemResponse]):
    model_config = example_page(AN_ITEM)


class AcceptedFile(BaseModel):
    id: uuid.UUID
    name: str
    state: ItemState
    duplicate: bool = Field(description="Whether the same picture was there before under this name.")


class RefusedFile(BaseModel):
    name: str
    code: str
    detail: str


class ReceiptResponse(BaseModel):
    """What became of each file: an item, or why it is none."""

    model_config = example(A_RECEIPT)

    accepted: list[AcceptedFile]
    refused: list[RefusedFile]

    @classmethod
    def of(cls, receipt: UploadReceipt) -> Self:
        return cls(
            accepted=[AcceptedFile(**vars(one)) for one in receipt.accepted],
            refused=[RefusedFile(**vars(one)) for one in receipt.refused],
        )
