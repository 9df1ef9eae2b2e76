"""Hand a picture to the engine and wait for its answer; on the engine's side, take it and answer.

A Celery message carries a token; the bytes lie under a random key that expires, in the Redis that the token names. The
answer comes back on a list of the caller's own. Errors cross as their codes.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, cast

import redis
from celery import Celery

from core.config import Settings
from core.contract.options import ManualMaskOptions, ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.reports import DetectionReport, MaskedImage, MaskReport
from core.engine import admission, frames, leases, messages, protocol, wakeups
from core.engine.admission import Admission
from core.engine.heartbeats import Heartbeats, Process, WorkerStatus
from core.engine.leases import LeaseWatch
from core.engine.loads import EngineLoad
from core.engine.messages import CallMessage, WaitingCall
from core.engine.outages import translated
from core.engine.protocol import EXPIRY_MARGIN_S, INTERACTIVE, PendingCall
from core.engine.shards import Shards
from core.errors import FaceApiError, JobTimedOut

Options = dict[str, Any]
Task = Literal["detect_image", "mask_image", "mask_manually", "thumbnail_image"]

# How often a waiting call checks whether its caller has hung up and its picture is still there.
CHECK_EVERY_S = 0.5

# What each task answers.
ANSWER_KINDS: dict[Task, bytes] = {
    "detect_image": frames.REPORT,
    "mask_image": frames.MASKED,
    "mask_manually": frames.MASKED,
    "thumbnail_image": frames.THUMBNAIL,
}


class EngineClient:
    """The way to the engine and back."""

    def __init__(self, settings: Settings, client: "redis.Redis", shards: Shards, celery: Celery) -> None:
        self._redis = client
        self._shards = shards
        self._celery = celery
        self._timeout_s = settings.job_timeout_s
        self._expiry_s = int(settings.job_timeout_s) + EXPIRY_MARGIN_S
        self.admission = Admission(settings, client)
        self._heartbeats = Heartbeats(client)
        # Run where a call's picture lies.
        self._answer, self._lose = map(client.register_script, (protocol.ANSWER, leases.LOSE))
        self._end_and_answer = client.register_script(admission.END + protocol.ANSWER)
        self._end_answer_and_take = client.register_script(admission.END + protocol.ANSWER_AND_TAKE)

    def run_detect(
        self, data: bytes, options: ResolvedDetectOptions, gone: Callable[[], bool], name: str = ""
    ) -> DetectionReport:
        """Find the faces of a picture in a worker. gone: whether the caller has hung up; name: of its reservation."""
        name = name or admission.new_name("detect_image", options.detail, len(data))
        report, _ = self._run("detect_image", data, options.model_dump(), gone, name)
        return DetectionReport.model_validate_json(report)

    def run_mask(
        self, data: bytes, options: ResolvedMaskOptions, gone: Callable[[], bool], name: str = ""
    ) -> MaskedImage:
        """Mask a picture in a worker. gone: whether the caller has hung up; name: of its reservation."""
        name = name or admission.new_name("mask_image", options.detail, len(data))
        report, image = self._run("mask_image", data, options.model_dump(), gone, name)
        return MaskedImage(report=MaskReport.model_validate_json(report), image=image)

    def run_manual_mask(self, data: bytes, options: ManualMaskOptions, gone: Callable[[], bool]) -> MaskedImage:
        """Mask those faces of a picture that the options name."""
        name = admission.new_name("mask_manually", "", len(data))
        report, image = self._run("mask_manually", data, options.model_dump(), gone, name)
        return MaskedImage(report=MaskReport.model_validate_json(report), image=image)

    def run_thumbnail(self, data: bytes, side: int, gone: Callable[[], bool]) -> bytes:
        """Make a thumbnail: a JPEG whose longer side has at most `side` pixels."""
        return self._run("thumbnail_image", data, {"side": side}, gone, admission.new_name("thumbnail_image", ""))[1]

    def close(self) -> None:
        """Close the connections to the broker; those to Redis are the client's that was given."""
        self._celery.close()

    def load(self) -> EngineLoad:
        """Count the calls in flight, and the workers and processes that live."""
        with translated():
            return self._heartbeats.load(int(self._redis.zcount(protocol.WAITING, time.time(), "+inf")))

    def worker_status(self) -> WorkerStatus | None:
        """Return what a worker published lately, or None; EngineUnavailable when Redis is down."""
        with translated():
            status = self._redis.get(protocol.WORKER_STATUS)
        return WorkerStatus.model_validate_json(status) if status else None

    def shards_ready(self) -> bool:
        """Whether every Redis answers."""
        return self._shards.ready()

    def beat(self, process: Process, status: WorkerStatus | None) -> None:
        """Say that a process lives; with a status, also that its worker is ready and takes tasks."""
        with translated():
            self._heartbeats.beat(process, status)

    def wake_workers(self) -> None:
        """Wake workers for batches."""
        wakeups.wake(self._redis, self._celery, "work_batch")

    def wake_video_workers(self) -> None:
        """Wake workers for videos."""
        wakeups.wake(self._redis, self._celery, "work_video")

    def wake_webhook_delivery(self) -> None:
        """Have due webhooks delivered now."""
        wakeups.wake_webhook_delivery(self._celery)

    def next_waiting_call(self) -> WaitingCall | None:
        """Take the call that waits longest, as answers do with take_next; None when none waits."""
        return messages.take(self._redis, INTERACTIVE)

    def count_unsaved_result(self) -> None:
        """Count a result that could not be stored."""
        with suppress(redis.RedisError):
            self._redis.hincrby(protocol.COUNTERS, protocol.UNSAVED, 1)

    def unsaved_results(self) -> int:
        """Return how many results could not be stored since Redis started; EngineUnavailable when it is down."""
        with translated():
            return int(cast(bytes | None, self._redis.hget(protocol.COUNTERS, protocol.UNSAVED)) or 0)

    def take(self, token: str, holder: str) -> bytes | None:
        """Return the bytes of a call, or None when its caller no longer waits. holder: the process that begins it."""
        call = PendingCall.of(token)
        with translated(), self._shards.server(call) as server, server.pipeline(transaction=False) as steps:
            steps.set(call.lease, holder, ex=self._expiry_s)
            steps.get(call.upload)
            _, data = steps.execute()
            if data is None:
                server.delete(call.lease)
            return cast(bytes | None, data)

    def answer_report(
        self, token: str, report: DetectionReport, cost_s: float | None = None, *, take_next: bool = False
    ) -> WaitingCall | None:
        return self._send(token, frames.pack(frames.REPORT, report.model_dump_json()), cost_s, take_next)

    def answer_masked(
        self, token: str, masked: MaskedImage, cost_s: float | None = None, *, take_next: bool = False
    ) -> WaitingCall | None:
        text = masked.report.model_dump_json()
        return self._send(token, frames.pack(frames.MASKED, text, masked.image), cost_s, take_next)

    def answer_thumbnail(
        self, token: str, image: bytes, cost_s: float | None = None, *, take_next: bool = False
    ) -> WaitingCall | None:
        return self._send(token, frames.pack(frames.THUMBNAIL, "", image), cost_s, take_next)

    def answer_error(self, token: str, error: FaceApiError, *, take_next: bool = False) -> WaitingCall | None:
        return self._send(token, frames.pack_error(error), None, take_next)

    def report_lost(self, token: str, task_id: str) -> None:
        """Say that the process of a call's task died: its caller asks again."""
        call = PendingCall.of(token)
        with translated(), self._shards.server(call) as server:
            lost = frames.pack(frames.LOST, task_id)
            self._lose(keys=[call.upload, call.answer], args=[lost, EXPIRY_MARGIN_S], client=server)

    def _run(
        self, task: Task, data: bytes, options: Options, gone: Callable[[], bool], name: str
    ) -> tuple[bytes, bytes]:
        calls = [PendingCall(name, shard) for shard in self._shards.candidates()]
        call, give_up = calls[0], time.time() + self._timeout_s
        with translated():
            try:
                call = self._put(calls, data)  # first, so that no message is without its picture
                message = CallMessage(task, INTERACTIVE, call.token, options)
                self._enter(call, data, message)
                frame = self._wait(call, message, give_up, gone)
            except BaseException:
                self._leave(call)
                raise
        return frames.unpack(frame, ANSWER_KINDS[task])

    def _enter(self, call: PendingCall, data: bytes, message: CallMessage) -> None:
        """Put a call's message into the queue, if there is an engine and place."""
        with self._redis.pipeline(transaction=False) as steps:
            if call.shard == protocol.FIRST:
                steps.set(call.upload, data, ex=self._expiry_s)
            self.admission.enter(call.name, message.text, steps)

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

    def _wait(self, call: PendingCall, message: CallMessage, give_up: float, gone: Callable[[], bool]) -> bytes:
        watch = LeaseWatch(self._redis, call, message)
        with self._shards.server(call) as server:
            while (left_s := give_up - time.time()) > 0:
                popped = server.blpop([call.answer], timeout=min(left_s, CHECK_EVERY_S))
                frame = cast(bytes, popped[1]) if popped else b""
                if frame and not (lost := frames.lost_task(frame)):
                    return frame
                if frame:
                    watch.lost(server, lost)
                elif queued := watch.check(server):
                    self.admission.recheck(call.name, queued, left_s)
                if gone():
                    raise JobTimedOut("the caller has gone")
            if watch.withdraw(server):
                self.admission.refuse_unbegun(call.name)
        raise JobTimedOut(f"there was no answer within {self._timeout_s:g} s")

    def _leave(self, call: PendingCall) -> None:
        """Remove a call, so that a task which has not begun is dropped when its turn comes."""
        # Its keys expire when this fails.
        with suppress(redis.RedisError):
            self.admission.end(call.name)
        with suppress(redis.RedisError), self._shards.server(call) as server:
            server.delete(*call.keys)

    def _send(self, token: str, answer: bytes, cost_s: float | None, take_next: bool) -> WaitingCall | None:
        call = PendingCall.of(token)
        args: list[bytes | float] = [answer, EXPIRY_MARGIN_S]
        # The place before the answer: whoever has it and calls again finds the place free.
        if call.shard == protocol.FIRST:
            end_keys, end_args = admission.end_arguments(call.name, cost_s)
            script, queue = (self._end_answer_and_take, [INTERACTIVE]) if take_next else (self._end_and_answer, [])
            with translated():
                taken = script(keys=[*end_keys, *queue, *call.keys], args=[*end_args, *args])
            return messages.read(taken) if taken else None
        with suppress(redis.RedisError):  # the place ends by itself when this fails
            self.admission.end(call.name, cost_s)
        with translated(), self._shards.server(call) as server:
            self._answer(keys=call.keys, args=args, client=server)
        return self.next_waiting_call() if take_next else None
