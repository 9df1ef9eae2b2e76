"""A call's task as its queue in Redis holds it: Celery's protocol 2, in the envelope of kombu's Redis transport.

Written here, because Celery's own producer takes longer than all else that the web tier does for a call, and because
admission and message are then one step in Redis. What is left out are headers that the worker takes as unset.
"""

import json
from typing import Any

from core import logs

REQUEST_ID = "request_id"
# What could follow a task, in Celery's canvas: nothing.
EMBED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


def write(task: str, queue: str, token: str, options: dict[str, Any]) -> str:
    """Write the message of a task with the arguments token and options. The token is its id as well.

    Its headers name the request that the lines of this thread are about, for those of the worker.
    """
    headers: dict[str, Any] = {"lang": "py", "task": task, "id": token, "root_id": token, "ignore_result": True}
    if request_id := logs.bound_request():
        headers[REQUEST_ID] = request_id
    return json.dumps(
        {
            # As text: kombu's base64 is for bodies that JSON can't hold.
            "body": json.dumps([[token, options], {}, EMBED]),
            "content-type": "application/json",
            "content-encoding": "utf-8",
            "headers": headers,
            "properties": {
                "correlation_id": token,
                "delivery_tag": token,
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": queue},
                "priority": 0,
            },
        }
    )
