"""Callers of the public API, each with one picture after the other, and what became of every call."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import requests

from tests import background
from tests.stack import Stack

KEPT = "kept"  # 200, complete, and stored
UNKEPT = "200 unkept"
PAUSE_S = 0.2  # chosen: who is refused asks again soon, so that it is seen when the service is back
TIMEOUT_S = 120


def repeated(act: Callable[[], None], every_s: float) -> AbstractContextManager[None]:
    """Do something again and again, from a thread, meanwhile."""

    def go_on(ended: threading.Event) -> None:
        while not ended.wait(every_s):
            act()

    return background.running(go_on)


@dataclass(frozen=True)
class Answer:
    """One call. began, ended: by time.monotonic(); outcome: KEPT, UNKEPT, or the status and what was wrong."""

    began: float
    ended: float
    outcome: str
    image_id: str = ""

    @property
    def took_s(self) -> float:
        return self.ended - self.began


class Callers:
    """Callers who send one picture after the other, each over a connection that it keeps."""

    def __init__(self, stack: Stack, pictures: Sequence[bytes], count: int, path: str = "mask") -> None:
        self._stack, self._pictures, self._count = stack, pictures, count
        self._url = f"{stack.url}/api/v1/{path}"
        self.answers: list[Answer] = []

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(answer.outcome for answer in list(self.answers))

    def at_work(self) -> AbstractContextManager[None]:
        return background.running(*(partial(self._call, number) for number in range(self._count)))

    def until_answered(self, more: int, within_s: float = 300) -> None:
        """Wait until so many more calls were kept, or some failed."""
        wanted = self.outcomes[KEPT] + more
        self._stack.until(lambda: self.outcomes[KEPT] >= wanted or len(self.outcomes) > 1, within_s)

    def _call(self, number: int, ended: threading.Event) -> None:
        session = requests.Session()
        session.headers["X-API-Key"] = self._stack.key
        while True:
            for picture in self._pictures[number :: self._count]:
                if ended.is_set():
                    return
                answer = ask(session, self._url, picture)
                self.answers.append(answer)
                if answer.outcome.startswith("5"):
                    ended.wait(PAUSE_S)


def ask(session: requests.Session, url: str, picture: bytes) -> Answer:
    """Send one picture."""
    began = time.monotonic()
    try:
        answer = session.post(url, files={"image": picture}, timeout=TIMEOUT_S)
    except requests.RequestException as error:
        return Answer(began, time.monotonic(), f"no answer: {error!r}")
    return Answer(began, time.monotonic(), *_judged(answer))


def _judged(answer: requests.Response) -> tuple[str, str]:
    if answer.status_code != 200:
        said = answer.json() if "json" in answer.headers.get("Content-Type", "") else {}
        return f"{answer.status_code} {said.get('code', answer.text[:100])}", ""
    if len(answer.content) != int(answer.headers["Content-Length"]):
        return "200 cut", ""
    masked = answer.headers["Content-Type"].startswith("image/")
    image_id = answer.headers.get("X-Image-Id") if masked else answer.json()["image_id"]
    return (KEPT, image_id) if image_id else (UNKEPT, "")
