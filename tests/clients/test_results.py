"""The client's results are what the service's answers hold, and its checks of options the service's own."""

import dataclasses
import functools
import typing
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from core.contract import region_options, states
from core.contract.detections import Detection
from core.contract.options import MaskOptions
from core.contract.video_options import VideoQuery
from core.records.job_lists import JobOrder
from face_api_client import batches, deliveries, pictures, records, responses, reviews, videos
from face_api_client.command import option_fields
from face_api_client.command.option_fields import OptionField, WrongRegions
from face_api_client.command.option_tables import MASK, VIDEO
from web.openapi.batch_examples import A_BATCH, A_DELIVERY, A_RECEIPT, AN_ITEM
from web.openapi.examples import A_JOB_IN_FULL, AN_IMAGE, DETECTED, STATISTICS
from web.openapi.video_examples import A_VIDEO, ACCEPTED
from web.schemas import batches as batch_schemas
from web.schemas import detect as detect_schemas
from web.schemas import records as record_schemas
from web.schemas import reviews as review_schemas
from web.schemas import video_uploads as upload_schemas
from web.schemas import videos as video_schemas
from web.schemas import webhooks as webhook_schemas

# By the client's: the service's, and what of it the client leaves out.
SAME: dict[Any, tuple[Any, set[str]]] = {
    batches.Batch: (batch_schemas.BatchResponse, set()),
    batches.BatchCounts: (batch_schemas.Counts, set()),
    batches.BatchItem: (batch_schemas.ItemResponse, {"result_url", "created_at"}),
    batches.ItemError: (batch_schemas.ItemError, set()),
    batches.UploadReceipt: (batch_schemas.ReceiptResponse, set()),
    batches.AcceptedFile: (batch_schemas.AcceptedFile, {"state"}),
    batches.RefusedFile: (batch_schemas.RefusedFile, set()),
    batches.UnsentFile: (batch_schemas.UnsentUpload, set()),
    videos.Video: (video_schemas.VideoResponse, set()),
    videos.VideoError: (video_schemas.VideoError, set()),
    videos.VideoUpload: (upload_schemas.UploadResponse, set()),
    videos.AcceptedVideo: (video_schemas.VideoAccepted, set()),
    records.StoredImage: (record_schemas.StoredImageResponse, set()),
    records.ImageDetail: (record_schemas.ImageDetailResponse, set()),
    records.Job: (record_schemas.JobResponse, set()),
    records.JobDetail: (record_schemas.JobDetailResponse, set()),
    records.Stats: (record_schemas.StatsResponse, set()),
    reviews.MaskEdit: (review_schemas.MaskEdit, set()),
    deliveries.Delivery: (webhook_schemas.DeliveryResponse, set()),
    pictures.Health: (detect_schemas.HealthResponse, set()),
    pictures.DetectResult: (detect_schemas.DetectResponse, {"profiling"}),
    pictures.PictureInfo: (detect_schemas.ImageInfo, set()),
    pictures.Summary: (detect_schemas.Summary, set()),
    pictures.Processing: (detect_schemas.Processing, set()),
    pictures.Face: (Detection, set()),
}
OWN = {(batches.UploadReceipt, "digests")}  # told by the client, not by the service


@pytest.mark.parametrize("kind", SAME, ids=lambda kind: str(kind.__name__))
def test_results_have_the_fields_of_the_answers(kind: Any) -> None:
    schema, left_out = SAME[kind]
    has = {field.name for field in dataclasses.fields(kind) if (kind, field.name) not in OWN}
    told = set(TypeAdapter(schema).json_schema(mode="serialization", by_alias=False)["properties"])
    assert has == told - left_out and left_out <= told


@pytest.mark.parametrize("kind", [kind for kind, (schema, _) in SAME.items() if issubclass(schema, BaseModel)])
def test_what_may_be_null_may_be_none(kind: Any) -> None:
    def nullable(hints: dict[str, Any]) -> set[str]:
        return {name for name, hint in hints.items() if type(None) in typing.get_args(hint)}

    told = {name: info.annotation for name, info in SAME[kind][0].model_fields.items()}
    assert nullable(told) <= nullable(typing.get_type_hints(kind)) | SAME[kind][1]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (batches.BatchStatus, states.BatchStatus),
        (batches.ItemState, states.ItemState),
        (batches.JobType, states.JobType),
        (videos.VideoStatus, states.VideoStatus),
        (records.JobOrder, JobOrder),
        (records.ReviewState, states.ReviewState),
        (deliveries.DeliveryStatus, states.DeliveryStatus),
    ],
)
def test_states_are_the_same(ours: Any, theirs: Any) -> None:
    assert set(typing.get_args(ours)) == {state.value for state in theirs}


@pytest.mark.parametrize(
    ("kind", "example"),
    [
        (batches.Batch, A_BATCH),
        (batches.BatchItem, AN_ITEM),
        (batches.UploadReceipt, A_RECEIPT),
        (videos.Video, A_VIDEO),
        (videos.AcceptedVideo, ACCEPTED),
        (pictures.DetectResult, DETECTED),
        (records.StoredImage, AN_IMAGE),
        (records.JobDetail, A_JOB_IN_FULL),
        (records.Stats, STATISTICS),
        (deliveries.Delivery, A_DELIVERY),
    ],
)
def test_examples_become_results(kind: Any, example: dict[str, Any]) -> None:
    """As they are: what is there comes through, nested too."""
    built = responses.build(kind, example)
    shown = dataclasses.asdict(built)
    for name in shown.keys() & example.keys():
        if isinstance(example[name], str | int | float | None) and not name.endswith("_at"):
            assert shown[name] == example[name]


NUMBERS = [-1, 0, 0.005, 0.01, 0.5, 1, 1.01, 2, 2.1, 25, 26, 63, 64, 100, 101, 999, 1000]


@pytest.mark.parametrize(("model", "fields"), [(MaskOptions, MASK), (VideoQuery, VIDEO)])
def test_limits_of_options_are_the_services(model: type[BaseModel], fields: tuple[OptionField, ...]) -> None:
    checked = 0
    for field in fields:
        words = (*map(str, NUMBERS), "auto", "some") if field.choices else NUMBERS
        values = words if field.kind in {"integer", "number"} else ()
        for value in values:
            if field.kind == "integer" and isinstance(value, float):
                continue  # click takes none
            theirs = accepts(functools.partial(model.model_validate, {field.name: value}))
            assert accepts(functools.partial(field.checked, value)) == theirs, (field.name, value)
            checked += 1
    assert checked > 60


A_REGION = '{"x1": 0, "y1": 0, "x2": 9, "y2": 9}'
REGIONS = [
    "[]",
    f"[{A_REGION}]",
    '[{"unit": "relative", "x1": 0, "y1": 0.5, "x2": 1, "y2": 1}]',
    '[{"unit": "relative", "x1": 0, "y1": 0.5, "x2": 1.5, "y2": 1}]',
    '[{"unit": "metres", "x1": 0, "y1": 0, "x2": 9, "y2": 9}]',
    '[{"x1": 0, "y1": 0, "x2": 9}]',
    '[{"x1": 0, "y1": 0, "x2": 0, "y2": 9}]',
    '[{"x1": 0, "y1": 0, "x2": 9, "y2": -1}]',
    '[{"x1": "0", "y1": 0, "x2": 9, "y2": 9}]',
    '[{"x1": true, "y1": 0, "x2": 9, "y2": 9}]',
    '[{"x1": null, "y1": 0, "x2": 9, "y2": 9}]',
    '[{"x1": 0, "x1": 1, "y1": 0, "x2": 9, "y2": 9}]',
    '[{"x1": 0, "y1": 0, "x2": 1e9, "y2": 9}]',
    '[{"x1": NaN, "y1": 0, "x2": 9, "y2": 9}]',
    '[{"x1": -Infinity, "y1": 0, "x2": 9, "y2": 9}]',
    '[{"x1": 0, "y1": 0, "x2": 9, "y2": 9, "z": 1}]',
    '{"x1": 0, "y1": 0, "x2": 9, "y2": 9}',
    "[3]",
    "null",
    "[{",
    "[" * 100_000,
    f"[{', '.join([A_REGION] * 200)}]",
    f"[{', '.join([A_REGION] * 201)}]",
]


@pytest.mark.parametrize("text", REGIONS, ids=lambda text: str(text)[:60])
def test_regions_are_read_as_the_service_does(text: str) -> None:
    def service() -> Any:
        sent = region_options.from_text(text)
        return MaskOptions.model_validate({"mask_regions": sent}).model_dump(mode="json")["mask_regions"]

    assert accepts(lambda: option_fields.regions(text)) == accepts(service)
    if accepts(service):
        assert option_fields.regions(text) == service()


def accepts(read: Any) -> bool:
    try:
        read()
    except (ValueError, ValidationError, WrongRegions):
        return False
    return True
