"""A web tier that is stopped: what waits is told so before its connection ends, and nothing is left over."""

import signal
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import requests
import skimage.io

from tests.conftest import StartService
from tests.stack import PATIENCE_S, Stack

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
    told: list[bytes] = []
    with ThreadPoolExecutor() as pool:
        call, events = pool.submit(mask, hurried), pool.submit(follow, hurried, told)
        hurried.until(lambda: bool(list(store.list("originals/"))))
        hurried.until(lambda: b"event: progress" in b"".join(told))
        hurried.processes["serve"].terminate()
        answer = call.result()
        events.result()  # its end
    assert (answer.status_code, answer.json()["code"]) == (503, "service_stopping")
    assert (answer.headers["Connection"], answer.headers["Retry-After"]) == ("close", "2")
    assert hurried.processes["serve"].wait(PATIENCE_S) == 0
    assert list(store.list("originals/")) == []


def test_upgrade_in_place_changes_nothing(start_service: StartService) -> None:
    """USR2 isn't supported: what gunicorn starts then ends at once, and who serves goes on."""
    stack = start_service(programs=("serve",))
    web = psutil.Process(stack.processes["serve"].pid)
    before = web.children()
    web.send_signal(signal.SIGUSR2)
    stack.until(lambda: "Error: " in stack.log("serve"))
    stack.until(lambda: web.children() == before)
    assert requests.get(f"{stack.url}/health/live", timeout=60).status_code == 200


def mask(stack: Stack) -> requests.Response:
    path = stack.folder / "picture.png"
    skimage.io.imsave(path, skimage.data.astronaut())
    headers = {"X-API-Key": stack.key}
    with path.open("rb") as picture:
        return requests.post(f"{stack.url}/api/v1/mask", files={"image": picture}, headers=headers, timeout=60)


def follow(stack: Stack, told: list[bytes]) -> None:
    """Follow a batch that nobody ends; add what is told of it, as it comes."""
    admin = f"{stack.url}/api/v1/admin/batches"
    batch = requests.post(admin, json={"name": "long"}, auth=AUTH, timeout=60).json()["id"]
    with requests.get(f"{admin}/{batch}/events", auth=AUTH, timeout=60, stream=True) as answer:
        told.extend(answer.iter_content(None))
