"""Images, jobs and usage statistics in the admin API."""

import uuid
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AliasGenerator,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

from core.contract import states
from core.contract.options import Method, OutputFormat
from core.records.image_lists import ImageFilter
from core.records.job_lists import JobOrder
from core.records.records import JobFilter
from core.records.rows import ImageSummary, JobDetail
from web import links
from web.openapi.examples import A_JOB, A_JOB_IN_FULL, AN_IMAGE, STATISTICS
from web.schemas.common import (
    JobStatus,
    JobType,
    ListOf,
    Milliseconds,
    Moment,
    Paging,
    ReviewState,
    Timestamp,
    example,
    example_page,
)
from web.schemas.ids import PathId


def _link(key: str | None) -> str | None:
    return links.processed(key) if key else None


def _public_status(status: str) -> str:
    return states.JobStatus.FAILED.value if status == states.JobStatus.CANCELLED else status


WebhookUrl = Annotated[str | None, AfterValidator(links.webhook_if_allowed)]
ProcessedUrl = Annotated[str | None, BeforeValidator(_link)]  # made from the object's key


MAX_FACES = 2**31 - 1  # what the column holds


class ImagePath(BaseModel):
    image_id: PathId


class JobPath(BaseModel):
    job_id: PathId


class JobQuery(Paging):
    """Which jobs: those that match every value given."""

    job_type: Annotated[JobType | None, Field(description="Only jobs of this type.")] = None
    method: Annotated[Method | None, Field(description="Only jobs that masked with this method.")] = None
    status: Annotated[JobStatus | None, Field(description="Only jobs with this status.")] = None
    batch_id: Annotated[uuid.UUID | None, Field(description="Only the jobs of this batch.")] = None
    created_after: Annotated[
        Moment | None, Field(description="Only jobs created at this moment or later; UTC by default.")
    ] = None
    created_before: Annotated[
        Moment | None, Field(description="Only jobs created before this moment; UTC by default.")
    ] = None

    order: Annotated[
        JobOrder,
        WithJsonSchema({"type": "string", "enum": [order.value for order in JobOrder], "default": "newest"}),
        Field(description="Which come first. By faces or by time, only the jobs that have such a number are listed."),
    ] = JobOrder.NEWEST

    def filter(self) -> JobFilter:
        wanted = self.model_dump(exclude={"page", "per_page", "status", "order"})
        statuses: tuple[str, ...] = (self.status,) if self.status else ()
        if self.status == "failed":
            statuses += (states.JobStatus.CANCELLED,)
        return JobFilter(**wanted, statuses=statuses)


class ImageQuery(Paging):
    """Which images: those that match every value given."""

    name: Annotated[str | None, Field(max_length=255, description="Only images with this in their name.")] = None
    batch_id: Annotated[uuid.UUID | None, Field(description="Only the images of this batch.")] = None
    min_faces: Annotated[
        int | None, Field(ge=0, le=MAX_FACES, description="Only images with as many faces; in the newest job.")
    ] = None
    max_faces: Annotated[
        int | None, Field(ge=0, le=MAX_FACES, description="Only images with no more faces; in the newest job.")
    ] = None
    review_state: Annotated[
        ReviewState | None,
        Field(description="Only images with a doubtful face: `pending` or `done`, as in the newest job."),
    ] = None
    created_after: Annotated[
        Moment | None, Field(description="Only images stored at this moment or later; UTC by default.")
    ] = None
    created_before: Annotated[
        Moment | None, Field(description="Only images stored before this moment; UTC by default.")
    ] = None

    def filter(self) -> ImageFilter:
        return ImageFilter(**self.model_dump(exclude={"page", "per_page"}))


class StatsResponse(BaseModel):
    model_config = example(STATISTICS)

    total_images: int
    total_jobs: int
    total_faces_detected: int
    avg_inference_ms: Milliseconds = Field(description="Of the jobs that have one; 0 when none has.")
    storage_used_bytes: int = Field(description="Originals and results.")
    jobs_by_type: dict[str, int]
    jobs_by_method: dict[str, int]


class StoredImageResponse(BaseModel):
    """A stored image. The links work for a while."""

    # Built from an ImageSummary: a field without an alias of its own is a column of its image.
    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=lambda name: AliasPath("image", name)), **example(AN_IMAGE)
    )

    id: uuid.UUID
    filename: str
    content_type: str
    size_bytes: int
    width: int
    height: int
    original_url: Annotated[str | None, BeforeValidator(links.original_if_allowed)] = Field(
        description="Null for an administrator whose role is `viewer`.", validation_alias="image"
    )
    processed_url: ProcessedUrl = Field(description="The newest result.", validation_alias="processed_s3_key")
    job_count: int = Field(validation_alias="job_count")
    created_at: Timestamp


class JobResponse(BaseModel):
    """What was done to an image. What only a mask has is null for a detection."""

    model_config = example(A_JOB)

    id: uuid.UUID
    image_id: uuid.UUID
    batch_id: uuid.UUID | None
    api_key_id: uuid.UUID | None = Field(description="The key of the caller; it may have been deleted since.")
    job_type: JobType
    status: Annotated[JobStatus, BeforeValidator(_public_status)]
    method: Method | None = Field(validation_alias="blur_method")
    strength: int | None = Field(validation_alias="blur_strength")
    padding: float | None
    output_format: OutputFormat | None
    output_quality: int | None
    confidence_threshold: float
    nms_threshold: float
    face_count: int | None
    inference_ms: Milliseconds | None
    total_ms: Milliseconds | None
    processed_url: ProcessedUrl = Field(validation_alias="processed_s3_key")
    processed_size_bytes: int | None
    error: str | None
    created_at: Timestamp
    finished_at: Timestamp | None


class ImageDetailResponse(StoredImageResponse):
    """A stored image with its jobs, newest first."""

    model_config = example({**AN_IMAGE, "jobs": [A_JOB]})

    jobs: list[JobResponse] = Field(validation_alias="jobs")


class JobDetailResponse(JobResponse):
    """A job with its image and the faces."""

    model_config = example(A_JOB_IN_FULL)

    image: StoredImageResponse
    detections: list[dict[str, Any]] | None = Field(description="The faces, as in the response of detect.")
    report: dict[str, Any] | None = Field(description="What was done, in detail; what does not apply is absent.")
    review_state: ReviewState | None = Field(
        description="`pending`: a person should check a doubtful face; `done`: one did."
    )
    edited_by: str | None = Field(description="Who masked the image by hand; null where the service did.")
    uncovered_faces: int | None = Field(
        description="Faces that were surely found and that somebody has left visible, by hand or by `keep_regions`;"
        " `report.uncovered` lists them. Null where that is not known."
    )

    @classmethod
    def of(cls, detail: JobDetail, image: ImageSummary) -> Self:
        documents = {"detections": detail.detections, "report": detail.report}
        return cls.model_validate({**vars(detail.job), **documents, "image": image})


class ImageList(ListOf[StoredImageResponse]):
    model_config = example_page(AN_IMAGE)


class JobList(ListOf[JobResponse]):
    model_config = example_page(A_JOB)
