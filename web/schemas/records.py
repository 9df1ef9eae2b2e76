"""Images, jobs and numbers as the admin API words them."""

import re
import uuid
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from core.contract.models import FrozenModel
from core.contract.options import Method, OutputFormat
from core.database.pages import Page
from core.errors import NotFound
from core.records.records import JobFilter
from core.records.rows import ImageDetail, ImageSummary, JobDetail, StoredJob
from core.records.statistics import UsageStatistics
from web import links
from web.openapi.examples import A_JOB, A_JOB_IN_FULL, AN_IMAGE, REQUEST_ID, STATISTICS

Item = TypeVar("Item")
JobType = Literal["detect", "mask"]
Status = Literal["queued", "running", "completed", "failed"]

Timestamp = Annotated[
    datetime,
    PlainSerializer(lambda moment: moment.astimezone(UTC).isoformat(), return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


def example(body: dict[str, Any]) -> ConfigDict:
    """Give a schema an example, as the OpenAPI package wants it."""
    return ConfigDict(openapi_extra={"example": body, "headers": REQUEST_ID})  # type: ignore[typeddict-unknown-key]  # its own key


def example_page(item: dict[str, Any]) -> ConfigDict:
    return example({"items": [item], "total": 41, "page": 1, "per_page": 20, "pages": 3})


def _canonical(sent: object) -> object:
    """Take a UUID as it is always written; another text names nothing."""
    try:
        if isinstance(sent, str) and str(uuid.UUID(sent)) == sent.lower():
            return sent
    except ValueError:
        pass
    raise NotFound("there is nothing under this id")


def _moment(sent: object) -> object:
    """Take ISO 8601 alone, and the + of a zone also where the caller's URL has turned it into a space."""
    if isinstance(sent, str) and not re.match(r"\d{4}-\d{2}-\d{2}", sent):
        raise ValueError("Write a date, or a date and a time, as in ISO 8601")
    return re.sub(r"(T\S+) (\d\d:?\d\d)$", r"\1+\2", sent) if isinstance(sent, str) else sent


def _zoned(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


PathId = Annotated[uuid.UUID, BeforeValidator(_canonical)]
Moment = Annotated[datetime, BeforeValidator(_moment), AfterValidator(_zoned)]


class ImagePath(BaseModel):
    image_id: PathId


class JobPath(BaseModel):
    job_id: PathId


class Paging(FrozenModel):
    """Which page of a list; newest first."""

    page: Annotated[int, Field(ge=1, description="Counted from 1; one past the end is empty.")] = 1
    per_page: Annotated[int, Field(ge=1, le=100, description="How many items a page has.")] = 20


class JobQuery(Paging):
    """Which jobs: those that are like every value given."""

    job_type: Annotated[JobType | None, Field(description="Only jobs of this type.")] = None
    method: Annotated[Method | None, Field(description="Only jobs that masked in this way.")] = None
    status: Annotated[Status | None, Field(description="Only jobs in this state.")] = None
    batch_id: Annotated[uuid.UUID | None, Field(description="Only the jobs of this batch.")] = None
    created_after: Annotated[Moment | None, Field(description="Only jobs of this moment or later; UTC by default.")] = (
        None
    )
    created_before: Annotated[Moment | None, Field(description="Only jobs before this moment; UTC by default.")] = None

    def filter(self) -> JobFilter:
        return JobFilter(**self.model_dump(exclude={"page", "per_page"}))


class ListOf(BaseModel, Generic[Item]):
    items: list[Item]
    total: int = Field(description="Of all pages.")
    page: int
    per_page: int
    pages: int

    @classmethod
    def of(cls, page: Page[Any], items: list[Item]) -> Self:
        return cls(items=items, total=page.total, page=page.page, per_page=page.per_page, pages=page.pages)


class StatsResponse(BaseModel):
    model_config = example(STATISTICS)

    total_images: int
    total_jobs: int
    total_faces_detected: int
    avg_inference_ms: float = Field(description="Of the jobs that have one; 0 when none has.")
    storage_used_bytes: int = Field(description="Originals and results.")
    jobs_by_type: dict[str, int]
    jobs_by_method: dict[str, int]

    @classmethod
    def of(cls, stats: UsageStatistics) -> Self:
        return cls(**vars(stats) | {"avg_inference_ms": round(stats.avg_inference_ms, 2)})


class StoredImageResponse(BaseModel):
    """A picture that was kept. The links work for a while."""

    model_config = example(AN_IMAGE)

    id: uuid.UUID
    filename: str
    content_type: str
    size_bytes: int
    width: int
    height: int
    original_url: str
    processed_url: str | None = Field(description="The newest result.")
    job_count: int
    created_at: Timestamp

    @classmethod
    def of(cls, found: ImageSummary, **more: Any) -> Self:
        image, key = found.image, found.processed_s3_key
        return cls(
            id=image.id,
            filename=image.filename,
            content_type=image.content_type,
            size_bytes=image.size_bytes,
            width=image.width,
            height=image.height,
            original_url=links.original(image),
            processed_url=links.processed(key) if key else None,
            job_count=found.job_count,
            created_at=image.created_at,
            **more,
        )


class JobResponse(BaseModel):
    """What was done to a picture. What only a mask has is null for a detection."""

    model_config = example(A_JOB)

    id: uuid.UUID
    image_id: uuid.UUID
    batch_id: uuid.UUID | None
    job_type: JobType
    status: Status
    method: Method | None
    strength: int | None
    padding: float | None
    output_format: OutputFormat | None
    output_quality: int | None
    confidence_threshold: float
    nms_threshold: float
    face_count: int | None
    inference_ms: float | None
    total_ms: float | None
    processed_url: str | None
    processed_size_bytes: int | None
    error: str | None
    created_at: Timestamp
    finished_at: Timestamp | None

    @classmethod
    def of(cls, job: StoredJob, **more: Any) -> Self:
        key = job.processed_s3_key
        told = {name: getattr(job, name) for name in JobResponse.model_fields if hasattr(job, name)}
        return cls(
            **told
            | {
                "method": job.blur_method,
                "strength": job.blur_strength,
                "processed_url": links.processed(key) if key else None,
                "inference_ms": _rounded(job.inference_ms),
                "total_ms": _rounded(job.total_ms),
            }
            | more
        )


class ImageDetailResponse(StoredImageResponse):
    """A picture with its jobs, newest first."""

    model_config = example({**AN_IMAGE, "jobs": [A_JOB]})

    jobs: list[JobResponse]

    @classmethod
    def of_detail(cls, found: ImageDetail) -> Self:
        return cls.of(found, jobs=[JobResponse.of(job) for job in found.jobs])


class JobDetailResponse(JobResponse):
    """A job with its picture and the faces."""

    model_config = example(A_JOB_IN_FULL)

    image: StoredImageResponse
    detections: list[dict[str, Any]] | None = Field(description="The faces, as in the answer to detect.")
    report: dict[str, Any] | None = Field(description="What was done, in detail; what does not apply is absent.")
    review_state: Literal["pending", "done"] | None = Field(
        description="`pending`: a person should look at a face that was doubtful; `done`: one did."
    )

    @classmethod
    def of_detail(cls, found: JobDetail, image: ImageSummary) -> Self:
        job = found.job
        more = {"detections": found.detections, "report": found.report, "review_state": job.review_state}
        return cls.of(job, image=StoredImageResponse.of(image), **more)


class ImageList(ListOf[StoredImageResponse]):
    model_config = example_page(AN_IMAGE)


class JobList(ListOf[JobResponse]):
    model_config = example_page(A_JOB)


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 2)
