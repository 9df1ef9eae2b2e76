"""Calls of the batch API that are made again until they are answered, as whoever uses it does."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from tests.stack import Stack

AUTH = ("admin", "correct horse")
FILES_A_CALL = 5
GIVE_UP_S = 180


def ask(stack: Stack, method: str, path: str, **options: Any) -> Any:
    """Call until there is an answer, and return its JSON."""
    deadline = time.monotonic() + GIVE_UP_S
    while True:
        with contextlib.suppress(requests.RequestException):
            answer = requests.request(method, f"{stack.url}/api/v1/admin{path}", auth=AUTH, timeout=60, **options)
            if answer.status_code < 400:
                return answer.json()
            assert answer.status_code in (500, 503), answer.text
            time.sleep(float(answer.headers.get("Retry-After", 0)))
        assert time.monotonic() < deadline, (method, path)
        time.sleep(0.2)


def upload(stack: Stack, batch: str, pictures: dict[str, bytes], files_a_call: int = FILES_A_CALL) -> None:
    """Upload everything, some files a call, three calls at a time."""
    names = list(pictures)

    def send(start: int) -> None:
        files = [("images", (name, pictures[name])) for name in names[start : start + files_a_call]]
        receipt = ask(stack, "POST", f"/batches/{batch}/images", files=files)
        assert (len(receipt["accepted"]), receipt["refused"]) == (len(files), [])

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(send, range(0, len(names), files_a_call)))
