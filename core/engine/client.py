"""Hand a picture to the engine and wait for its answer; on the engine's side, take it and answer.

A Celery message carries a token; the bytes lie under a random key that expires, in the Redis that the token names. The
answer comes back on a list of the caller's own. Errors cross as their codes.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal, cast

import kombu.exceptions
import redis
from celery import Celery
from pydantic import BaseModel

from core.config import Settings
from core.contract.options import ManualMaskOptions, ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.reports import DetectionReport, MaskedImage, MaskReport
from core.engine import frames, messages, protocol
from core.engine.loads import EngineLoad
from core.engine.protocol import EXPIRY_MARGIN_S, PendingCall
from core.engine.shards import Shards
from core.errors import EngineUnavailable, FaceApiError, JobTimedOut, QueueFull

Options = dict[str, Any]
Task = Literal["detect_image", "mask_image", "mask_manually", "thumbnail_image"]

# How often a waiting call checks whether its caller has hung up and its picture is still there.
CHECK_EVERY_S = 0.5
RETRY_AFTER_S = 2
MAINTENANCE = "maintenance"
WAKEUP_EXPIRY_S = 5.0  # beat sends one as often
INTERACTIVE, BATCHES = "interactive", "batch"  # the queues, and so the lists that Redis has of them
# The queue holds at most so many messages that wake a worker for batches, however many items the tables have queued.
# chosen: one for a process that is about to be free on each of some machines; each that is taken is replaced
MAX_WAKEUPS = 4

# What each task answers.
ANSWER_KINDS: dict[Task, bytes] = {
    "detect_image": frames.REPORT,
    "mask_image": frames.MASKED,
    "mask_manually": frames.MASKED,
    "thumbnail_image": frames.THUMBNAIL,
}
PING_S = 0.6  # chosen: a worker that is alive answers within a few milliseconds, whatever its processes do


class WorkerStatus(BaseModel):
    """What a worker publishes about itself."""

    model: str
    input_size: int
    supports_landmarks: bool
    precision: str = "fp32"
    runtime: str = "onnxruntime"


def celery_app(settings: Settings) -> Celery:
    """Make the Celery app of these settings."""
    app = Celery("face-api", broker=settings.redis_urls[0])
    app.config_from_object("celeryconfig")
    # A decoder that a hostile file keeps busy is ended after its caller has given up.
    app.conf.task_time_limit = settings.job_timeout_s + EXPIRY_MARGIN_S
    app.conf.task_annotations = {"work_batch": {"time_limit": settings.batch_item_timeout_s}}
    return app


class EngineClient:
    """The way to the engine and back."""

    def __init__(self, settings: Settings, client: "redis.Redis", shards: Shards, celery: Celery) -> None:
        self._redis = client
        self._shards = shards
        self._celery = celery
        self._limit = settings.queue_limit
        self._timeout_s = settings.job_timeout_s
        self._expiry_s = int(settings.job_timeout_s) + EXPIRY_MARGIN_S
        self._admit = client.register_script(protocol.ADMIT)
        self._answer = client.register_script(protocol.ANSWER)  # run where a call's picture lies

    def run_detect(self, data: bytes, options: ResolvedDetectOptions, gone: Callable[[], bool]) -> DetectionReport:
        """Find the faces of a picture in a worker. gone: whether the caller has hung up."""
        report, _ = self._run("detect_image", data, options.model_dump(), gone)
        return DetectionReport.model_validate_json(report)

    def run_mask(self, data: bytes, options: ResolvedMaskOptions, gone: Callable[[], bool]) -> MaskedImage:
        """Mask a picture in a worker. gone: whether the caller has hung up."""
        report, image = self._run("mask_image", data, options.model_dump(), gone)
        return MaskedImage(report=MaskReport.model_validate_json(report), image=image)

    def run_manual_mask(self, data: bytes, options: ManualMaskOptions, gone: Callable[[], bool]) -> MaskedImage:
        """Mask those faces of a picture that the options name."""
        report, image = self._run("mask_manually", data, options.model_dump(), gone)
        return MaskedImage(report=MaskReport.model_validate_json(report), image=image)

    def run_thumbnail(self, data: bytes, side: int, gone: Callable[[], bool]) -> bytes:
        """Make a thumbnail: a JPEG whose longer side has at most `side` pixels."""
        return self._run("thumbnail_image", data, {"side": side}, gone)[1]

    def close(self) -> None:
        """Close the connections to the broker; those to Redis are the client's that was given."""
        self._celery.close()

    def load(self) -> EngineLoad:
        """Count the calls in flight, and ask every worker for its processes: that takes PING_S."""
        with _translated():
            calls = self._redis.zcount(protocol.WAITING, time.time(), "+inf")
            workers = self._celery.control.inspect(timeout=PING_S).stats() or {}
        processes = [int(one.get("pool", {}).get("max-concurrency") or 0) for one in workers.values()]
        return EngineLoad(int(calls), len(processes), sum(processes))

    def worker_status(self) -> WorkerStatus | None:
        """Return what a worker published lately, or None; EngineUnavailable when Redis is down."""
        with _translated():
            status = self._redis.get(protocol.WORKER_STATUS)
        return WorkerStatus.model_validate_json(status) if status else None

    def shards_ready(self) -> bool:
        """Whether every Redis answers."""
        return self._shards.ready()

    def publish_status(self, status: WorkerStatus) -> None:
        """Publish that a worker is ready and takes tasks."""
        self._redis.set(protocol.WORKER_STATUS, status.model_dump_json(), ex=protocol.WORKER_STATUS_TTL_S)

    def wake_workers(self) -> None:
        """Wake workers for batches. What to do stands in the tables, so a wake-up that is lost is sent again."""
        with suppress(redis.RedisError, kombu.exceptions.OperationalError):
            for _ in range(MAX_WAKEUPS - self._redis.llen(BATCHES)):
                self._celery.send_task("work_batch", queue=BATCHES, retry=False)

    def wake_webhook_delivery(self) -> None:
        """Have due webhooks delivered now; beat does that, too, a little later."""
        with suppress(redis.RedisError, kombu.exceptions.OperationalError):
            self._celery.send_task("deliver_webhooks", queue=MAINTENANCE, retry=False, expires=WAKEUP_EXPIRY_S)

    def count_unsaved_result(self) -> None:
        """Count a result that could not be stored."""
        with suppress(redis.RedisError):
            self._redis.hincrby(protocol.COUNTERS, protocol.UNSAVED, 1)

    def unsaved_results(self) -> int:
        """Return how many results could not be stored since Redis started; EngineUnavailable when it is down."""
        with _translated():
            return int(cast(bytes | None, self._redis.hget(protocol.COUNTERS, protocol.UNSAVED)) or 0)

    def take(self, token: str) -> bytes | None:
        """Return the bytes of a call, or None when its caller no longer waits for it."""
        call = PendingCall.of(token)
        with _translated(), self._shards.server(call) as server:
            return cast(bytes | None, server.get(call.upload))

    def answer_report(self, token: str, report: DetectionReport) -> None:
        self._send(token, frames.pack(frames.REPORT, report.model_dump_json()))

    def answer_masked(self, token: str, masked: MaskedImage) -> None:
        self._send(token, frames.pack(frames.MASKED, masked.report.model_dump_json(), masked.image))

    def answer_thumbnail(self, token: str, image: bytes) -> None:
        self._send(token, frames.pack(frames.THUMBNAIL, "", image))

    def answer_error(self, token: str, error: FaceApiError) -> None:
        self._send(token, frames.pack_error(error))

    def _run(self, task: Task, data: bytes, options: Options, gone: Callable[[], bool]) -> tuple[bytes, bytes]:
        name = secrets.token_hex(16)
        calls = [PendingCall(name, shard) for shard in self._shards.candidates()]
        call, give_up = calls[0], time.time() + self._timeout_s
        with _translated():
            try:
                call = self._put(calls, data)  # first, so that no message is without its picture
                self._enter(call, data, messages.write(task, INTERACTIVE, call.token, options), give_up)
                frame = self._wait(call, give_up, gone)
            except BaseException:
                self._leave(call)
                raise
        return frames.unpack(frame, ANSWER_KINDS[task])

    def _enter(self, call: PendingCall, data: bytes, message: str, give_up: float) -> None:
        """Put a call's message into the queue, if there is an engine and place."""
        keys = [protocol.WORKER_STATUS, protocol.WAITING, INTERACTIVE]
        args: list[str | float] = [time.time(), give_up, self._limit, call.name, self._expiry_s, message]
        with self._redis.pipeline(transaction=False) as steps:
            if call.shard == protocol.FIRST:
                steps.set(call.upload, data, ex=self._expiry_s)
            steps.evalsha(self._admit.sha, len(keys), *keys, *args)
            *stored, outcome = steps.execute(raise_on_error=False)
        if isinstance(outcome, redis.exceptions.NoScriptError):  # the first call, or Redis has started again
            outcome = self._admit(keys=keys, args=args)
        for reply in (*stored, outcome):
            if isinstance(reply, redis.RedisError):
                raise reply
        if outcome == protocol.NO_ENGINE:
            raise EngineUnavailable("no worker is ready", retry_after_s=RETRY_AFTER_S)
        if outcome == protocol.FULL:
            raise QueueFull(f"{self._limit} calls are waiting already", retry_after_s=RETRY_AFTER_S)

    def _put(self, calls: list[PendingCall], data: bytes) -> PendingCall:
        """Put the picture where one of these has its server, the first that can be reached; return that one."""
        *first, last = calls
        for call in first:
            with suppress(redis.RedisError):
                return self._put_at(call, data)
        return self._put_at(last, data)

    def _put_at(self, call: PendingCall, data: bytes) -> PendingCall:
        if call.shard != protocol.FIRST:  # there it goes along with the message
            with self._shards.server(call) as server:
                server.set(call.upload, data, ex=self._expiry_s)
        return call

    def _wait(self, call: PendingCall, give_up: float, gone: Callable[[], bool]) -> bytes:
        with self._shards.server(call) as server:
            while (left_s := give_up - time.time()) > 0:
                popped = server.blpop([call.answer], timeout=min(left_s, CHECK_EVERY_S))
                if popped:
                    return cast(bytes, popped[1])
                if not server.exists(call.upload, call.answer):
                    raise EngineUnavailable("the call was lost on its way", retry_after_s=RETRY_AFTER_S)
                if gone():
                    raise JobTimedOut("the caller has gone")
        raise JobTimedOut(f"there was no answer within {self._timeout_s:g} s")

    def _leave(self, call: PendingCall) -> None:
        """Remove a call, so that a task which has not begun is dropped when its turn comes."""
        # Its keys expire when this fails.
        with suppress(redis.RedisError):
            self._redis.zrem(protocol.WAITING, call.name)
        with suppress(redis.RedisError), self._shards.server(call) as server:
            server.delete(call.upload, call.answer)

    def _send(self, token: str, answer: bytes) -> None:
        call = PendingCall.of(token)
        if call.shard != protocol.FIRST:
            with suppress(redis.RedisError):  # the place ends by itself when this fails
                self._redis.zrem(protocol.WAITING, call.name)
        with _translated(), self._shards.server(call) as server:
            self._answer(keys=call.answer_keys, args=(answer, EXPIRY_MARGIN_S, call.name), client=server)


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the errors of Redis and Celery into EngineUnavailable."""
    try:
        yield
    except (redis.RedisError, kombu.exceptions.OperationalError) as error:
        raise EngineUnavailable("the queue can't be reached", retry_after_s=RETRY_AFTER_S) from error
