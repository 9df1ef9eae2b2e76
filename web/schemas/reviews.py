"""Reviews in the admin API: what a person decides about the faces of a stored image."""

import uuid
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from core.contract.numbers import WHOLE
from core.contract.options import CoverOptions
from core.records.edits import ManualEdit
from core.records.reviews import SeenResult
from web.openapi.examples import A_JOB_IN_FULL
from web.schemas.common import ListOf, Paging, example_page, json_body
from web.schemas.records import JobDetailResponse

MAX_ENTRIES = 1000  # chosen: far more boxes than anybody draws
Index = Annotated[int, Field(ge=0), WHOLE]
Coordinate = Annotated[float, Field(ge=-1_000_000, le=1_000_000, allow_inf_nan=False)]


class PendingQuery(Paging):
    """Which of the jobs that wait for a person."""

    batch_id: Annotated[uuid.UUID | None, Field(description="Only the jobs of this batch.")] = None


class Rectangle(BaseModel):
    """In pixels of the upright picture; what lies outside of it is cut off."""

    model_config = json_body({"x1": 100, "y1": 200, "x2": 300, "y2": 400})

    x1: Coordinate
    y1: Coordinate
    x2: Coordinate
    y2: Coordinate


class MaskEdit(BaseModel):
    """Which faces are masked: every detection of the job that is not removed, and those that are added."""

    model_config = json_body({"remove": [1], "add": [{"x1": 100, "y1": 200, "x2": 300, "y2": 400}]})

    job_id: Annotated[
        uuid.UUID | None,
        Field(
            strict=False, description="The job whose detections are edited; left out: the image's newest that has any."
        ),
    ] = None
    newest_job_id: Annotated[
        uuid.UUID | None,
        Field(
            strict=False,
            description="The job whose result is the image's newest as far as you know, `null` where it has none: where"
            " there is a newer one, nothing is made (`newer_result`). Left out: whatever there is, is replaced.",
            json_schema_extra=lambda schema: schema.pop("default"),  # `null` is not the same as nothing
        ),
    ] = None
    keep: Annotated[
        list[Index], Field(max_length=MAX_ENTRIES, description="Detections that were checked and stay.")
    ] = []
    remove: Annotated[
        list[Index], Field(max_length=MAX_ENTRIES, description="Detections that are no faces to mask.")
    ] = []
    add: Annotated[list[Rectangle], Field(max_length=MAX_ENTRIES, description="Faces that were missed.")] = []
    options: Annotated[
        CoverOptions | None,
        Field(description="No faces are looked for here. What is left out is as it was in the job."),
    ] = None

    def edit(self, by: str) -> ManualEdit:
        return ManualEdit(
            job_id=self.job_id,
            keep=tuple(self.keep),
            remove=tuple(self.remove),
            add=tuple((box.x1, box.y1, box.x2, box.y2) for box in self.add),
            appearance=self.options.model_dump(exclude_unset=True) if self.options else {},
            by=by,
            seen=SeenResult(self.newest_job_id) if "newest_job_id" in self.model_fields_set else None,
        )


class Verdict(BaseModel):
    model_config = json_body({"verdict": "accepted"})

    verdict: Annotated[
        Literal["accepted", "reopened"],
        Field(description="`accepted`: the faces are right as they are; `reopened`: that was a mistake, look again."),
    ]


class ReviewList(ListOf[JobDetailResponse]):
    model_config = example_page(A_JOB_IN_FULL | {"review_state": "pending"})
