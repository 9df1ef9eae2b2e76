"""The call that tells a receiver of a batch's end."""

import base64
import http.server
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.contract.admin import basic, body, call
from tests.contract.batches import begun
from tests.contract.calls import Starter, assert_problem, fields
from tests.ports import free_port
from tests.stack import PATIENCE_S, Stack
from web.openapi.batch_examples import A_DELIVERY

PORT = free_port()
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(scope="module")
def telling(start_service: Starter) -> Stack:
    """A stack whose webhooks may lead to this machine."""
    settings = {"FACE_API_WEBHOOK_ALLOW_PRIVATE": "true", "FACE_API_WEBHOOK_PORTS": str(PORT)}
    return start_service(FACE_API_WEBHOOK_SECRET=SECRET, **settings)


def told_by(service: Stack, receiver: http.server.HTTPServer, *names: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run a batch to its end; return it, and what its receiver was told."""
    url = f"http://127.0.0.1:{receiver.server_port}/hook"
    batch = begun(service, *names, webhook_url=url)
    basic(service, "POST", f"/batches/{batch['id']}/close")
    receiver.timeout = PATIENCE_S
    receiver.handle_request()
    return body(basic(service, "GET", f"/batches/{batch['id']}")), receiver.reported  # type: ignore[attr-defined]


@pytest.fixture
def receiver() -> Iterator[http.server.HTTPServer]:
    """A receiver on loopback, for one call."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.server.reported = Webhook(SECRET).verify(sent, dict(self.headers))  # type: ignore[attr-defined]
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", PORT), Handler) as server:
        server.reported = {}  # type: ignore[attr-defined]
        yield server


def deliveries(service: Stack, batch: dict[str, Any]) -> dict[str, Any]:
    return body(basic(service, "GET", f"/batches/{batch['id']}/deliveries"))


@pytest.mark.parametrize("names", [(), ("a.jpg", "b.jpg")])
def test_webhook_is_told_of_the_end(telling: Stack, receiver: http.server.HTTPServer, names: tuple[str, ...]) -> None:
    batch, reported = told_by(telling, receiver, *names)
    assert batch["status"] == "completed"
    assert reported["type"] == "batch.completed"
    assert (reported["data"]["id"], reported["data"]["counts"]["completed"]) == (batch["id"], len(names))
    telling.until(lambda: deliveries(telling, batch)["items"][0]["status"] == "delivered")
    (delivery,) = deliveries(telling, batch)["items"]
    assert delivery.keys() == A_DELIVERY.keys()
    assert (delivery["attempts"], delivery["last_status"], delivery["last_error"]) == (1, 204, None)
    assert not [secret for secret in (SECRET, "/hook") if secret in telling.log("worker") + telling.log("serve")]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://[::ffff:10.0.0.1]/", "http://localhost/"])
def test_webhook_that_leads_inside_is_refused(idle: Stack, url: str) -> None:
    problem = assert_problem(basic(idle, "POST", "/batches", json={"name": "press", "webhook_url": url}), 422)
    assert fields(problem) == {"webhook_url"} and "private" in problem["detail"]
    assert deliveries(idle, begun(idle))["items"] == []


def test_message_is_delivered_again_to_whoever_may(telling: Stack, receiver: http.server.HTTPServer) -> None:
    batch, _ = told_by(telling, receiver)
    telling.until(lambda: deliveries(telling, batch)["items"][0]["status"] == "delivered")
    (delivery,) = deliveries(telling, batch)["items"]
    path = f"/batches/{batch['id']}/deliveries/{delivery['id']}/redeliver"
    stranger = body(basic(telling, "POST", "/api-keys", json={"name": "x", "scopes": ["batch"]}), 201)["key"]
    assert_problem(call(telling, "POST", path, headers={"X-API-Key": stranger}), 404)
    assert_problem(basic(telling, "POST", path.replace(delivery["id"], batch["id"])), 404)
    assert_problem(basic(telling, "POST", path.replace(batch["id"], begun(telling)["id"])), 404)
    receiver.reported = {}  # type: ignore[attr-defined]
    assert body(basic(telling, "POST", path))["status"] in {"pending", "delivered"}
    receiver.handle_request()
    assert receiver.reported["data"]["id"] == batch["id"]  # type: ignore[attr-defined]
    telling.until(lambda: deliveries(telling, batch)["items"][0]["status"] == "delivered")
    (record,) = body(basic(telling, "GET", "/audit", params={"target": delivery["id"]}))["items"]
    assert (record["deed"], record["detail"]) == ("webhook.redelivered", {"batch_id": batch["id"]})
