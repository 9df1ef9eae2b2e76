"""Generated calls of every operation: no defect, no answer beside the description, nothing refused that it allows."""

import contextlib
import itertools
import json
import random
from collections import Counter
from functools import partial
from http import HTTPStatus
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import AcceptedNegativeData, Failure, FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.transport.serialization import Binary

from core.contract.scopes import Scope
from tests import clips
from tests.clips import Clip
from tests.conftest import StartService
from tests.contract import pictures
from tests.faults import results
from tests.faults.conftest import OWN, Scale
from tests.stack import Stack

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    positive_data_acceptance,
    negative_data_rejection,
]
AUTH = ("admin", "correct horse")
ADMIN, VIDEOS = "/api/v1/admin", "/api/v1/videos"
CLIP = clips.made(Clip(frames=3, size=(64, 64), faces=False))
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
FULL, SHORT = 10_800, 300  # calls of all operations together; some have fewer than their share
# What a picture's content, the order of two numbers, other rows and the operator decide, JSON Schema has no words for.
BEYOND_SCHEMAS = (
    "This should be greater than",
    "A relative coordinate lies between",
    "It lies outside of the picture",
    "webhook_url: ",
    "The job has no detection",
    "is to be kept, too",
    "should lie in the picture",
    "Write a network as",
    "Write a date",
    "Another batch was created with this key",
    "A name has 1 to 80 printable characters",
    "its password and log-in are managed elsewhere",
    "An administrator has this name already",
    "This moment is over",
    "bytes at a time, but at the end",
    "the largest video is",
)
TOO_LONG = {413, 414}  # refused unread, whatever it holds
REGION = {"x1": 10, "y1": 10, "x2": 90, "y2": 60}


@schemathesis.serializer("application/offset+octet-stream")
def as_they_are(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """Send pieces of files."""
    return value.data if isinstance(value, Binary) else str(value).encode()


@pytest.fixture(scope="module")
def stack(start_service: StartService) -> Stack:
    return start_service(**OWN | {"FACE_API_WORKER_PROCESSES": "1", "FACE_API_ADMIN_PASSWORD": AUTH[1]})


@pytest.fixture(scope="module")
def key(stack: Stack) -> str:
    """An API key for all that keys are for."""
    wanted = {"name": "generated", "scopes": [*Scope]}
    made = requests.post(f"{stack.url}{ADMIN}/api-keys", json=wanted, auth=AUTH, timeout=60)
    return str(made.json()["key"])


@pytest.fixture(scope="module")
def known(stack: Stack, key: str) -> dict[str, list[str]]:
    """Ids that exist, by the name of the path's parameter."""

    def ask(method: str, path: str, **options: Any) -> Any:
        return requests.request(method, f"{stack.url}{ADMIN}{path}", auth=AUTH, timeout=60, **options).json()

    file = pictures.portrait()
    for _ in range(5):
        requests.post(f"{stack.url}/api/v1/mask", headers={"X-API-Key": key}, files={"image": file}, timeout=60)

    def by_key(method: str, path: str, **options: Any) -> Any:
        own = {"X-API-Key": key}
        return requests.request(method, f"{stack.url}{VIDEOS}{path}", headers=own, timeout=60, **options).json()

    def is_finished(batch: str = "", video: str = "") -> bool:
        return bool((by_key("GET", f"/{video}") if video else ask("GET", f"/batches/{batch}"))["finished_at"])

    names = [f"generated {number}" for number in range(5)]
    videos = [by_key("POST", "", files={"video": CLIP})["id"] for _ in names]
    batches = [ask("POST", "/batches", json={"name": name})["id"] for name in names]
    for batch in batches:
        ask("POST", f"/batches/{batch}/images", files={"images": ("a.jpg", file)})
        ask("POST", f"/batches/{batch}/close")
        stack.until(partial(is_finished, batch))
    for video in videos:
        stack.until(partial(is_finished, video=video))
    people = [{"name": name, "password": "correct horse battery", "role": "viewer"} for name in names]
    return {
        "image_id": [one["id"] for one in ask("GET", "/images")["items"]],
        "job_id": [one["id"] for one in ask("GET", "/jobs")["items"]],
        "key_id": [ask("POST", "/api-keys", json={"name": "generated"})["id"] for _ in range(5)],
        "batch_id": batches,
        "admin_id": [ask("POST", "/admins", json=person)["id"] for person in people],
        "video_id": videos,
        "upload_id": [by_key("POST", "/uploads", json={"filename": "a.mp4", "size_bytes": 10**6})["id"] for _ in names],
        "item_id": [item["id"] for batch in batches for item in ask("GET", f"/batches/{batch}/items")["items"]],
    }


class Generator:
    """Calls operations with what schemathesis makes of their description. statuses, violations: what came of it."""

    def __init__(self, stack: Stack, key: str, known: dict[str, list[str]], examples: int) -> None:
        self._stack, self._known, self._examples = stack, known, examples
        self._by_key = {"X-API-Key": key}
        self._dice, self._picture = random.Random(1), pictures.encoded(pictures.close_up(160, 160), "JPEG")
        self._addresses = itertools.count()
        self.statuses: Counter[int] = Counter()
        self.of_operations: dict[str, Counter[int]] = {}
        self.violations: dict[str, str] = {}

    @property
    def shut(self) -> list[str]:
        """Return the operations that nothing is known of, since every call ended at their door."""
        return [label for label, statuses in self.of_operations.items() if set(statuses) <= {401, 403}]

    def call(self, operation: Any, mode: GenerationMode) -> None:
        """Call an operation with as many different requests as there are, or as were asked for."""

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=self._examples,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def check(case: Any) -> None:
            if mode.is_positive:
                self._fill_in(case)
            self._check(case, f"{operation.label}, {mode.value}")

        with contextlib.suppress(Unsatisfiable):  # nothing about a call of /health can be invalid
            check()

    def _fill_in(self, case: Any) -> None:
        """Put ids that exist, pictures and regions where the description says: a UUID, bytes, JSON in a text."""
        for parameter in case.path_parameters or ():
            if parameter in self._known and self._dice.random() < 0.5:
                case.path_parameters[parameter] = self._dice.choice(self._known[parameter])
        form = case.body if isinstance(case.body, dict) else {}
        for name in form:
            if name in ("image", "video"):
                form[name] = self._picture if name == "image" else CLIP
            elif name == "images":
                form[name] = [self._picture] * len(form[name])
            elif name in ("mask_regions", "keep_regions") and isinstance(form[name], str):
                form[name] = json.dumps([REGION] * self._dice.randrange(3))

    def _check(self, case: Any, name: str) -> None:
        admin = case.path.startswith(ADMIN) and not case.path.endswith(("/login", "/logout"))
        own: dict[str, Any] = {"auth": AUTH} if admin else {"headers": self._by_key}
        for header in self._by_key if admin else ():
            case.headers.pop(header, None)  # any that was made up is refused, whoever else calls
        with self._session() as session:
            response = case.call(base_url=self._stack.url, session=session, timeout=60, allow_redirects=False, **own)
        self.statuses[response.status_code] += 1
        self.of_operations.setdefault(case.operation.label, Counter())[response.status_code] += 1
        self._end_upload(case, response)
        said = response.content[:1000].decode(errors="replace")
        try:
            case.validate_response(response, checks=_checks(case))
        except (FailureGroup, Failure) as error:
            for one in error.exceptions if isinstance(error, FailureGroup) else [error]:
                beyond = isinstance(one, RejectedPositiveData) and any(words in said for words in BEYOND_SCHEMAS)
                unread = isinstance(one, AcceptedNegativeData) and response.status_code in TOO_LONG
                if not beyond and not unread:
                    told = f"{one}\n{case.as_curl_command()[:500]}\n{said}"
                    self.violations.setdefault(f"{name}: {type(one).__name__}", told)

    def _end_upload(self, case: Any, response: requests.Response) -> None:
        """Delete an upload that has begun: a sender may have a few at a time."""
        if case.path == f"{VIDEOS}/uploads" and response.status_code == HTTPStatus.CREATED:
            url = f"{self._stack.url}{VIDEOS}/uploads/{response.json()['id']}"
            requests.delete(url, headers=self._by_key, timeout=60)

    def _session(self) -> requests.Session:
        """Return a session of an address of its own: log-ins that fail must not lock the others out."""
        adapter, session = requests.adapters.HTTPAdapter(), requests.Session()
        number = next(self._addresses)
        address = f"127.1.{number // 250 % 250 + 1}.{number % 250 + 1}"
        adapter.init_poolmanager(1, 1, source_address=(address, 0))
        session.mount("http://", adapter)
        return session


def _checks(case: Any) -> list[Any]:
    """Return all checks, but for one: where only credentials are invalid, they are replaced by those that are right."""
    invalid = {where for where, component in case.meta.components.items() if component.mode.is_negative}
    own = invalid <= {ParameterLocation.HEADER, ParameterLocation.COOKIE}
    return [check for check in CHECKS if not (own and check is negative_data_rejection)]


def test_generated_calls_keep_the_description(
    stack: Stack, key: str, known: dict[str, list[str]], scale: Scale
) -> None:
    document = requests.get(f"{stack.url}/openapi/openapi.json", timeout=30).json()
    found: Any = schemathesis.openapi.from_dict(document).get_all_operations()
    operations = sorted((one.ok() for one in found), key=lambda one: one.method == "delete")  # these come last
    wanted = FULL if scale.full else SHORT
    generator = Generator(stack, key, known, -(-wanted // (len(operations) * len(MODES))))
    for operation, mode in itertools.product(operations, MODES):
        generator.call(operation, mode)
    results.write(
        "generated_calls",
        full=scale.full,
        operations=len(operations),
        calls=generator.statuses.total(),
        statuses={str(status): count for status, count in sorted(generator.statuses.items())},
        violations=len(generator.violations),
    )
    assert not generator.statuses[429]
    assert not generator.shut, "whoever called these was never let in"
    assert not generator.violations, "\n\n".join(f"{name}\n{told}" for name, told in generator.violations.items())
