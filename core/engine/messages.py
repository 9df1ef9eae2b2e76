"""A call's task as its queue in Redis holds it: Celery's protocol 2, in the envelope of kombu's Redis transport.

Written here, because Celery's own producer takes longer than all else that the web tier does for a call, and because
admission and message are then one step in Redis. What is left out are headers that the worker takes as unset.
"""

import json
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Self, cast

import redis

from core.observability import logs, traces

REQUEST_ID = "request_id"
TRACE = "traceparent"  # the span that it belongs to
SENT_AT = "sent_at"  # by the clock of the web tier's machine
# What could follow a task, in Celery's canvas: nothing.
EMBED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


def write(task: str, queue: str, token: str, options: dict[str, Any], task_id: str = "") -> str:
    """Write the message of a task with the arguments token and options. The token is its id unless one is given.

    Its headers name the request that the lines of this thread are about, for those of the worker.
    """
    task_id = task_id or token
    headers: dict[str, Any] = {"lang": "py", "task": task, "id": task_id, "root_id": task_id, "ignore_result": True}
    headers[SENT_AT] = time.time()
    if request_id := logs.bound_request():
        headers[REQUEST_ID] = request_id
    if trace := traces.carrier():
        headers[TRACE] = trace
    return json.dumps(
        {
            # As text: kombu's base64 is for bodies that JSON can't hold.
            "body": json.dumps([[token, options], {}, EMBED]),
            "content-type": "application/json",
            "content-encoding": "utf-8",
            "headers": headers,
            "properties": {
                "correlation_id": task_id,
                "delivery_tag": task_id,
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": 0,
            },
        }
    )


@dataclass(frozen=True)
class WaitingCall:
    """A call as its queue holds it. request_id: '' without one; sent_at: None where it was not told.

    task_id: of its message, see CallMessage.id.
    """

    task: str
    token: str
    options: dict[str, Any]
    request_id: str
    sent_at: float | None = None
    trace: str = ""
    task_id: str = ""


def take(client: redis.Redis, queue: str) -> WaitingCall | None:
    """Take the oldest message of a queue, for a process that has one from its worker's main process already.

    None when there is none, and when Redis can't be reached.
    """
    with suppress(redis.RedisError):
        if text := cast(bytes | None, client.rpop(queue)):
            return read(text)
    return None


def read(text: bytes) -> WaitingCall:
    """Read a message that was taken from its queue."""
    message = json.loads(text)
    (token, options), _, _ = json.loads(message["body"])
    headers = message["headers"]
    request_id, trace = (headers.get(name) or "" for name in (REQUEST_ID, TRACE))
    sent_at = headers.get(SENT_AT)
    return WaitingCall(headers["task"], token, options, request_id, sent_at, trace, headers["id"])


@dataclass(frozen=True)
class CallMessage:
    """The message of one call. again: whether it is the second, because the process that had the first is gone."""

    task: str
    queue: str
    token: str
    options: dict[str, Any]
    again: bool = False
    text: str = field(init=False)

    def __post_init__(self) -> None:
        text = write(self.task, self.queue, self.token, self.options, self.id)
        object.__setattr__(self, "text", text)  # the dataclass is frozen

    @property
    def id(self) -> str:
        """The id of its task: a worker may still hold the first when it is sent the second."""
        return self.token + (".again" if self.again else "")

    def repeated(self) -> Self:
        """Return the second message of the call."""
        return replace(self, again=True)
