"""Calls of the Python client about reviews and webhook deliveries."""

import asyncio
import json

import pytest

from face_api_client import AsyncClient, Box, Client, MaskEdit, Retries, Unavailable
from tests.clients.scripted import HANG_UP, ScriptedServer, as_json
from web.openapi.batch_examples import A_DELIVERY
from web.openapi.examples import A_JOB_IN_FULL
from web.schemas.reviews import MaskEdit as Body

NEVER = Retries(0, 0, 0)
PAGE = {"total": 1, "page": 1, "pages": 1}


def test_reviews_are_listed_and_accepted() -> None:
    answers = as_json({"items": [A_JOB_IN_FULL], **PAGE}), as_json(A_JOB_IN_FULL)
    with ScriptedServer(*answers).running() as server, Client(server.url) as client:
        (pending,) = client.list_reviews("some").items
        client.review_job(pending.id)
        client.review_job(pending.id, "reopened")
        listed, accepted, reopened = server.received
    assert listed.path == "/api/v1/admin/reviews?batch_id=some&page=1&per_page=20"
    assert accepted.path == reopened.path == f"/api/v1/admin/jobs/{pending.id}/review"
    assert [json.loads(one.head)["verdict"] for one in (accepted, reopened)] == ["accepted", "reopened"]
    assert pending.image.filename == "team.jpg"


@pytest.mark.parametrize(
    ("edit", "sent"),
    [
        (MaskEdit(), {}),
        (MaskEdit(remove=[1], keep=[0]), {"remove": [1], "keep": [0]}),
        (
            MaskEdit(add=[Box(1, 2, 3, 4)], options={"method": "solid"}),
            {"add": [{"x1": 1, "y1": 2, "x2": 3, "y2": 4}], "options": {"method": "solid"}},
        ),
        (MaskEdit(newest_job_id=None), {"newest_job_id": None}),
        (
            MaskEdit(job_id="5d2f1a52-70a8-4f1b-9d43-0a9a6f3f7c55", newest_job_id=A_JOB_IN_FULL["id"]),
            {"job_id": "5d2f1a52-70a8-4f1b-9d43-0a9a6f3f7c55", "newest_job_id": A_JOB_IN_FULL["id"]},
        ),
    ],
    ids=str,
)
def test_manual_mask_is_sent_as_the_service_reads_it(edit: MaskEdit, sent: dict[str, object]) -> None:
    with ScriptedServer(as_json(A_JOB_IN_FULL, 201)).running() as server, Client(server.url) as client:
        job = client.mask_image_manually("some", edit)
        (received,) = server.received
    assert (received.method, received.path) == ("POST", "/api/v1/admin/images/some/mask")
    assert Body.model_validate_json(received.head).model_dump(exclude_unset=True) == Body.model_validate_json(
        json.dumps({"remove": [], "add": [], "keep": [], **sent})
    ).model_dump(exclude_unset=True)
    assert job.id == A_JOB_IN_FULL["id"]


@pytest.mark.parametrize("call", ["mask", "undo"])
def test_manual_mask_that_may_have_been_made_is_not_made_again(call: str) -> None:
    with ScriptedServer(HANG_UP).running() as server, Client(server.url) as client:
        with pytest.raises(Unavailable):
            client.undo_job("some") if call == "undo" else client.mask_image_manually("some", MaskEdit())
        assert len(server.received) == 1


def test_deliveries_are_listed_and_sent_again() -> None:
    answers = as_json({"items": [A_DELIVERY], **PAGE}), as_json(A_DELIVERY)

    async def run(url: str) -> None:
        async with AsyncClient(url, retries=NEVER) as client:
            (delivery,) = (await client.list_batch_deliveries("some", page=2)).items
            assert (delivery.status, delivery.last_status, delivery.delivered_at) == ("pending", 502, None)
            await client.redeliver_batch_delivery("some", delivery.id)

    with ScriptedServer(*answers).running() as server:
        asyncio.run(run(server.url))
        paths = [(one.method, one.path) for one in server.received]
    about = "/api/v1/admin/batches/some/deliveries"
    assert paths == [("GET", f"{about}?page=2&per_page=20"), ("POST", f"{about}/{A_DELIVERY['id']}/redeliver")]


def test_deliveries_of_videos_are_as_those_of_batches() -> None:
    answers = as_json({"items": [A_DELIVERY], **PAGE}), as_json(A_DELIVERY)
    with ScriptedServer(*answers).running() as server, Client(server.url) as client:
        (delivery,) = client.list_video_deliveries("some").items
        assert client.redeliver_video_delivery("some", delivery.id) == delivery
        paths = [one.path for one in server.received]
    about = "/api/v1/videos/some/deliveries"
    assert paths == [f"{about}?page=1&per_page=20", f"{about}/{A_DELIVERY['id']}/redeliver"]
