"""The worker's own app with one difference: a picture with a digest that the environment names kills its process.

`celery -A tests.faults.worker worker` runs it. Nothing in the service itself can be told to die.
"""

import hashlib
import os
import signal
from typing import Any

from core.vision import pipeline
from tests.faults.crops import POISON
from worker import app as real

app = real.app
_mask = pipeline.mask


def _deadly(data: bytes, *more: Any) -> Any:
    if hashlib.sha256(data).hexdigest() == os.environ[POISON]:
        os.kill(os.getpid(), signal.SIGKILL)
    return _mask(data, *more)


setattr(pipeline, "mask", _deadly)  # noqa: B010 - mypy knows no assignment to functions
