"""Do something to the records again and again, each time killed a step later, until it is done undisturbed.

    python -m tests.integration.killed ACTION            settings from the environment; prints the number of steps

A step is what the process is about to do to the world: a statement or a commit, a request to the S3 server (its head,
its body), a file made, renamed or removed. Each try is a process of its own, ended by kill -9.
"""

import itertools
import os
import signal
import sys
import threading
import time
import uuid
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import event

from core import config, maintenance, services
from core.database.clock import now
from core.errors import UndecodableImage
from core.observability import logs
from core.records import calls, cleanups, comparisons, records
from core.records.outcomes import JobOutcome
from core.records.results import ResultStore, UploadedImage
from core.records.rows import StoredImage, StoredJob
from core.services import Services
from core.storage import objects
from core.storage.base import ObjectStore
from tests.core import rows
from web import app
from web.app import FaceApiApp

MOST_STEPS = 200
REMOVALS = ("delete", "expire", "clean")  # the actions that need an image
# Python's audit events; a file that is opened to be written to is made by mkstemp.
EVENTS = {"http.client.send", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "tempfile.mkstemp"}
UPLOAD = UploadedImage(b"picture", "a.jpg", "image/jpeg")
VALUES = {"job_type": "mask", "confidence_threshold": 0.5, "nms_threshold": 0.4, "output_format": "png"}
OUTCOME = JobOutcome(1, 1, VALUES, list, b"masked")
LONG_AGO = timedelta(days=400)


class Killer:
    """Kills this process when it is about to take its n-th step since `arm`."""

    def __init__(self, sessions: Any) -> None:
        self._lock = threading.Lock()
        self._left: int | None = None
        engine = sessions.kw["bind"]
        for name in ("before_cursor_execute", "commit"):
            event.listen(engine, name, self._step)

    def arm(self, steps: int) -> None:
        self._left = steps
        sys.addaudithook(lambda name, _: self._step() if name in EVENTS else None)

    def _step(self, *_: object) -> None:
        if self._left is None:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class Slow:
    """A store that takes longer than a database does, so that rows written too early would stand alone."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def put(self, key: str, data: bytes, content_type: str) -> None:
        time.sleep(0.05)
        self._store.put(key, data, content_type)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@dataclass(frozen=True)
class Subject:
    """What a try works on: the services, and an image that was kept before if it is to be removed."""

    made: Services
    app: FaceApiApp
    image_id: uuid.UUID

    def delete(self) -> None:
        """The administrator's call."""
        reported = f"{self.made.settings.admin_user}:{self.made.settings.admin_password.get_secret_value()}"
        basic = {"Authorization": "Basic " + b64encode(reported.encode()).decode()}
        answer = self.app.test_client().delete(f"/api/v1/admin/images/{self.image_id}", headers=basic)
        assert answer.status_code == 204, answer.text

    def keep(self) -> None:
        """What a call of mask does."""
        assert self.made.store and self.made.sessions
        results = ResultStore(Slow(self.made.store), self.made.sessions, 2)
        with calls.stored(results, UPLOAD, lambda: None) as call:
            assert call.finish(lambda: OUTCOME).image_id

    def refuse(self) -> None:
        """What a call does whose picture turns out to be broken: what was stored meanwhile goes again."""
        assert self.made.store and self.made.sessions
        results = ResultStore(self.made.store, self.made.sessions, 1)
        with suppress(UndecodableImage), calls.stored(results, UPLOAD, lambda: None):
            raise UndecodableImage("broken")
        results.close()

    def expire(self) -> None:
        assert maintenance.expire_images(self.made)

    def clean(self) -> None:
        with self.made.sessions() as session:  # type: ignore[misc]
            if not cleanups.count(session):  # else a try that was killed has left what is to be removed
                records.delete_images(session, [self.image_id])
        assert maintenance.clean_storage(self.made).removed

    def compare(self) -> None:
        """Find an object that was left over."""
        key = objects.original_key(uuid.uuid4(), "orphan.jpg")
        self.made.store.put(key, b"x", "image/jpeg")  # type: ignore[union-attr]
        comparisons.ORPHAN_AGE = timedelta(seconds=-10)
        assert maintenance.compare(self.made).orphans


def main(action: str) -> None:
    settings = config.load()
    logs.configure(settings.log_level)
    made = services.build(settings)
    whole = app.create_app(made)
    assert made.sessions
    killer = Killer(made.sessions)  # nothing is connected before the fork
    for steps in itertools.count(1):
        child = os.fork()
        if not child:
            _try(made, whole, action, partial(killer.arm, steps))
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            sys.stdout.write(str(steps - 1))
            sys.exit(os.WEXITSTATUS(status))
        assert os.WTERMSIG(status) == signal.SIGKILL and steps < MOST_STEPS


def _try(made: Services, whole: FaceApiApp, action: str, arm: Callable[[], None]) -> None:
    failed = 1
    try:
        subject = Subject(made, whole, kept(made) if action in REMOVALS else uuid.uuid4())
        arm()
        getattr(subject, action)()
        failed = 0
    finally:
        sys.stderr.flush()
        os._exit(failed)


def kept(made: Services) -> uuid.UUID:
    """Keep an image that is older than any retention, with a masked picture."""
    assert made.store and made.sessions
    image_id, job_id = uuid.uuid4(), uuid.uuid4()
    key, processed = objects.original_key(image_id, "a.jpg"), objects.processed_key(image_id, job_id, "png")
    moment = now() - LONG_AGO
    image = StoredImage(image_id, "a.jpg", "image/jpeg", 3, 1, 1, key, moment)
    job = StoredJob(job_id, image_id, "mask", "completed", 0.5, 0.4, processed_s3_key=processed, created_at=moment)
    for one in (key, processed):
        made.store.put(one, b"abc", "image/jpeg")
    with made.sessions() as session:
        rows.save_result(session, image, job, [])
    return image_id


if __name__ == "__main__":
    main(sys.argv[1])
