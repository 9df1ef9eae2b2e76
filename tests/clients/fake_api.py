"""A small batch API in memory, behind a real HTTP server: it does what the service does, and faults on request."""

import hashlib
import io
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any

from flask import Flask, Request, Response, abort, jsonify, request
from werkzeug.serving import BaseWSGIServer, make_server

PASSWORD = "correct horse"
API_KEY = "xyl_" + "5" * 48
ADMIN = "/api/v1/admin"


@dataclass
class Item:
    name: str
    data: bytes
    state: str = "completed"
    error: dict[str, str] | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    finished_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    shown_as: str = ""
    corrected: bytes = b""
    deleted: bool = False

    @property
    def result(self) -> bytes:
        return self.corrected or result(self.data)

    def summary(self) -> dict[str, Any]:
        ended = self.state not in {"queued", "running"}
        return {
            "id": self.id,
            "name": None if self.deleted else self.shown_as or self.name,
            "state": "deleted" if self.deleted else self.state,
            "error": self.error,
            "face_count": 1 if self.state == "completed" else None,
            "result_sha256": hashlib.sha256(self.result).hexdigest() if self.state == "completed" else None,
            "finished_at": self.finished_at.isoformat() if ended else None,
        }


@dataclass
class Batch:
    asked: dict[str, Any]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    closed: bool = False
    cancelled: bool = False
    items: dict[str, Item] = field(default_factory=dict)
    to_review: int = 0
    unsent: dict[str, str] = field(default_factory=dict)
    unsent_sizes: dict[str, int] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        counts = Counter("deleted" if item.deleted else item.state for item in self.items.values())
        left = counts["queued"] + counts["running"]
        status = "cancelled" if self.cancelled else "open" if not self.closed else "running" if left else "completed"
        return {
            "id": self.id,
            "name": self.asked["name"],
            "job_type": self.asked["job_type"],
            "options": {"format": "jpeg"} | self.asked["options"],
            "status": status,
            "counts": {**dict.fromkeys(("queued", "running", "completed", "failed", "cancelled"), 0), **counts}
            | {"refused": len(self.unsent), "total": len(self.items) + len(self.unsent)},
            "faces": counts["completed"],
            "to_review": self.to_review,
            "created_at": "2026-03-04T11:00:00+00:00",
        }


class MemoryRequest(Request):
    """Keeps uploads in memory: a client that is killed midway leaves no open file behind."""

    def _get_file_stream(self, *_: object, **__: object) -> IO[bytes]:
        return io.BytesIO()


class FakeApi:
    """The API. `faults` are answers that the next calls of a kind get instead; `calls` counts what was answered.

    judge: what becomes of an item, by its name and bytes; delay_s: how long each upload takes.
    """

    def __init__(self) -> None:
        self.batches: dict[str, Batch] = {}
        self.keys: dict[str, str] = {}
        self.faults: dict[str, list[Response | Callable[[], None]]] = {}
        self.calls: Counter[str] = Counter()
        self.times: list[tuple[float, str]] = []
        self.limit = 25 * 2**20
        self.delay_s = 0.0
        self.judge: Callable[[Item], None] = lambda item: None
        self.sent: Counter[str] = Counter()
        self.fetched: Counter[str] = Counter()
        self.largest_call = 0
        self._lock = threading.RLock()
        self._server = self._start(0)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def only(self) -> Batch:
        (batch,) = self.batches.values()
        return batch

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def restart(self) -> None:
        self._server = self._start(self._server.server_port)

    def fault(self, kind: str, *answers: Response | Callable[[], None]) -> None:
        self.faults.setdefault(kind, []).extend(answers)

    def _start(self, port: int) -> BaseWSGIServer:
        server = make_server("127.0.0.1", port, self._app(), threaded=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return server

    def _app(self) -> Flask:
        app = Flask("fake")
        app.request_class = MemoryRequest
        app.before_request(self._guard)
        for method, path, view in (
            ("POST", "/batches", self._create),
            ("GET", "/batches", self._list),
            ("GET", "/batches/<batch>", self._get),
            ("DELETE", "/batches/<batch>", self._delete),
            ("POST", "/batches/<batch>/images", self._images),
            ("POST", "/batches/<batch>/<what>", self._act),
            ("GET", "/batches/<batch>/items", self._items),
            ("GET", "/batches/<batch>/items/<item>/result", self._result),
        ):
            app.add_url_rule(ADMIN + path, view.__name__, view, methods=[method])
        return app

    def _guard(self) -> Response | None:
        kind = (request.endpoint or "").removeprefix("_")
        with self._lock:
            self.calls[kind] += 1
            self.times.append((time.monotonic(), kind))
            waiting = self.faults.get(kind, [])
            fault = waiting.pop(0) if waiting else None
        sent = request.headers.get("X-API-Key")
        by_key = sent == API_KEY if sent else False
        if not by_key and (sent or request.authorization is None or request.authorization.password != PASSWORD):
            return problem(401, "unauthenticated", "the user name or the password is wrong")
        if isinstance(fault, Response):
            _ = request.data
            return fault
        if fault:
            fault()
        return None

    def _create(self) -> Any:
        key = request.headers["Idempotency-Key"]
        with self._lock:
            if key not in self.keys:
                batch = Batch(request.get_json())
                self.keys[key], self.batches[batch.id] = batch.id, batch
            return jsonify(self.batches[self.keys[key]].summary()), 201

    def _list(self) -> Any:
        return jsonify({"items": [batch.summary() for batch in self.batches.values()]})

    def _get(self, batch: str) -> Any:
        return jsonify(self._found(batch).summary())

    def _images(self, batch: str) -> Any:
        self.largest_call = max(self.largest_call, request.content_length or 0)
        if (request.content_length or 0) > self.limit:
            _ = request.data
            return problem(413, "upload_too_large", f"the largest body is {self.limit} bytes")
        found, accepted, refused = self._found(batch), [], []
        files = request.files.getlist("images")
        time.sleep(self.delay_s)
        with self._lock:
            if found.closed or found.cancelled:
                return problem(409, "batch_closed", "this batch takes no more pictures")
            for file in files:
                name, data = file.filename or "", file.read()
                self.sent[name] += 1
                if data.startswith(b"broken"):
                    refused.append({"name": name, "code": "unsupported_image", "detail": "Not a picture"})
                elif name in found.items and found.items[name].data != data:
                    refused.append({"name": name, "code": "name_taken", "detail": "another picture has this name"})
                else:
                    item, duplicate = found.items.get(name), name in found.items
                    if item is None:
                        item = found.items[name] = Item(name, data)
                        self.judge(item)
                    accepted.append({"id": item.id, "name": name, "state": item.state, "duplicate": duplicate})
        return jsonify({"accepted": accepted, "refused": refused}), 202

    def _act(self, batch: str, what: str) -> Any:
        found = self._found(batch)
        with self._lock:
            if what == "close":
                found.closed = True
            elif what == "cancel":
                found.cancelled = True
            elif what == "unsent":
                found.unsent |= {file["name"]: file["code"] for file in request.get_json()["files"]}
                found.unsent_sizes |= {file["name"]: file["size_bytes"] for file in request.get_json()["files"]}
            elif what == "retry-failed":
                for item in found.items.values():
                    if item.state == "failed":
                        item.state, item.error, item.finished_at = "completed", None, datetime.now(UTC)
            else:
                abort(404)
        return jsonify(found.summary())

    def _items(self, batch: str) -> Any:
        page, per_page = int(request.args["page"]), int(request.args["per_page"])
        after, state = request.args.get("finished_after"), request.args.get("state")
        with self._lock:
            items = list(self._found(batch).items.values())
        if after:
            moment = datetime.fromisoformat(after)
            ended = [one for one in items if one.summary()["finished_at"] and one.finished_at >= moment]
            items = sorted(ended, key=lambda one: one.finished_at)
        items = [one for one in items if state in {None, one.summary()["state"]}]
        shown = items[(page - 1) * per_page : page * per_page]
        return jsonify({"items": [one.summary() for one in shown], "total": len(items)})

    def _result(self, batch: str, item: str) -> Any:
        found = next((one for one in self._found(batch).items.values() if one.id == item), None)
        if found is None or found.deleted or found.state != "completed":
            return problem(404, "not_found", "there is no result")
        self.fetched[found.name] += 1
        return Response(found.result)

    def _delete(self, batch: str) -> Any:
        self._found(batch)
        with self._lock:
            del self.batches[batch]
        return Response(status=204)

    def _found(self, batch: str) -> Batch:
        if batch not in self.batches:
            abort(problem(404, "not_found", f"there is no batch {batch}"))
        return self.batches[batch]


def result(data: bytes) -> bytes:
    """What becomes of a picture."""
    return b"masked " + hashlib.sha256(data).hexdigest().encode() + b" " * len(data)


def problem(status: int, code: str, detail: str, retry_after: str = "") -> Response:
    headers = {"Retry-After": retry_after} if retry_after else {}
    response = jsonify({"code": code, "detail": detail})
    response.status_code = status
    response.headers.update(headers)
    return response


def refusals(status: int, code: str, count: int, retry_after: str = "") -> Iterable[Response]:
    """The same refusal several times; made inside an app's context, as jsonify wants it."""
    with Flask("fake").app_context():
        return [problem(status, code, "not now", retry_after) for _ in range(count)]
