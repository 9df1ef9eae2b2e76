"""A web tier that is stopped: what waits is told so before its connection ends, and nothing is left over."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import skimage.io

from tests.conftest import StartService
from tests.stack import Stack

AUTH = ("admin", "correct horse")


@pytest.fixture
def hurried(start_service: StartService) -> Stack:
    """Return a service whose calls may not take their whole time when it is stopped, and whose worker hangs."""
    stack = start_service(programs=("serve", "worker"), FACE_API_STOP_GRACE_S="1")
    stack.pause_worker()
    return stack


def test_stop_tells_whoever_waits(hurried: Stack) -> None:
    store = hurried.services.store
    assert store is not None
    with ThreadPoolExecutor() as pool:
        call, events = pool.submit(mask, hurried), pool.submit(follow, hurried)
        hurried.until(lambda: bool(list(store.list("originals/"))))
        hurried.until(lambda: "/events" in hurried.log("serve"))
        hurried.processes["serve"].terminate()
        answer = call.result()
        assert b"event: progress" in events.result()  # and then its end
    assert (answer.status_code, answer.json()["code"]) == (503, "service_stopping")
    assert (answer.headers["Connection"], answer.headers["Retry-After"]) == ("close", "2")
    assert hurried.processes["serve"].wait(60) == 0
    assert list(store.list("originals/")) == []


def mask(stack: Stack) -> requests.Response:
    path = stack.folder / "picture.png"
    skimage.io.imsave(path, skimage.data.astronaut())
    headers = {"X-API-Key": stack.key}
    with path.open("rb") as picture:
        return requests.post(f"{stack.url}/api/v1/mask", files={"image": picture}, headers=headers, timeout=60)


def follow(stack: Stack) -> bytes:
    """Follow a batch that nobody ends."""
    admin = f"{stack.url}/api/v1/admin/batches"
    batch = requests.post(admin, json={"name": "long"}, auth=AUTH, timeout=60).json()["id"]
    return requests.get(f"{admin}/{batch}/events", auth=AUTH, timeout=60).content
