"""What the headers of an answer to POST /api/v1/mask say."""

import re

import pytest
import requests

from tests.contract import pictures
from tests.contract.calls import is_uuid, masked
from tests.contract.mask.regions import STRENGTH
from tests.stack import Stack


@pytest.mark.parametrize("name", ["X-Inference-Ms", "X-Mask-Ms", "X-Encode-Ms", "X-Total-Ms"])
def test_time_headers_are_numbers(answer: requests.Response, name: str) -> None:
    assert re.fullmatch(r"\d+(\.\d{1,2})?", answer.headers[name])


def test_times_fit_into_total(answer: requests.Response) -> None:
    parts = sum(float(answer.headers[name]) for name in ("X-Inference-Ms", "X-Mask-Ms", "X-Encode-Ms"))
    assert 0 < parts <= float(answer.headers["X-Total-Ms"]) + 0.1


def test_face_count_header_counts(service: Stack) -> None:
    people = (pictures.landscape(), pictures.astronaut(), pictures.group(3, 2))
    answers = [masked(service, pictures.encoded(picture, "PNG")) for picture in people]
    assert [answer.headers["X-Face-Count"] for answer in answers] == ["0", "1", "6"]


def test_model_header_names_model(answer: requests.Response, service: Stack) -> None:
    assert answer.headers["X-Model"] == service.model


def test_request_id_header_is_uuid(answer: requests.Response) -> None:
    assert is_uuid(answer.headers["X-Request-Id"])


def test_record_id_headers_follow_storage(answer: requests.Response, service: Stack) -> None:
    stored = requests.get(service.url + "/health", timeout=30).json()["storage_enabled"]
    for name in ("X-Image-Id", "X-Job-Id"):
        assert is_uuid(answer.headers[name]) if stored else name not in answer.headers


def test_strength_header_is_whole_number(answer: requests.Response) -> None:
    assert re.fullmatch(r"[1-9]\d*", answer.headers[STRENGTH])


def test_length_header_is_true(answer: requests.Response) -> None:
    assert int(answer.headers["Content-Length"]) == len(answer.content)


def test_mask_answers_alike_twice(service: Stack, answer: requests.Response) -> None:
    assert masked(service, pictures.portrait()).content == answer.content
