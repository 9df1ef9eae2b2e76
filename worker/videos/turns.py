"""A step of a video takes minutes; the calls that wait meanwhile are answered between groups of its frames.

So no call waits for longer than one group, however many processes work on videos.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping

from core.engine.client import EngineClient
from core.engine.messages import WaitingCall
from core.engine.wakeups import VIDEO_STEP_LIMIT_S
from core.errors import EngineUnavailable
from core.observability import logs
from worker import tasks
from worker.leases import LeaseKeeper

log = logs.get(__name__)

GROUP_S = 0.3  # chosen: with the frame that ends it well below the half second that a call may wait
# A step that calls have interrupted for so long begins anew, before its task is ended.
GIVE_UP_AFTER_S = VIDEO_STEP_LIMIT_S / 2

Answer = Callable[[str, dict[str, object]], object]
CALLS: Mapping[str, Answer] = {
    "detect_image": tasks.detect_image,
    "mask_image": tasks.mask_image,
    "mask_manually": tasks.mask_manually,
    "thumbnail_image": tasks.thumbnail_image,
}


class Turns:
    """Counts the frames of a step, and gives waiting calls their turn. limit_s: how long a frame may take."""

    def __init__(self, engine: EngineClient, keeper: LeaseKeeper, limit_s: float) -> None:
        self._engine, self._keeper, self._limit_s = engine, keeper, limit_s
        self._started = self._group = self._moved = time.monotonic()
        self.frames_done = 0

    def frame_done(self) -> None:
        """Count a frame. LeaseLost once the lease is lost, EngineUnavailable when the step is to begin anew."""
        self.frames_done += 1
        self.give()

    def give(self) -> None:
        """End the group, if it has taken long enough, and answer the calls that wait; raises as frame_done."""
        now = self._moved = time.monotonic()
        if now - self._group < GROUP_S:
            return
        self._keeper.check()
        if now - self._started > GIVE_UP_AFTER_S:
            raise EngineUnavailable("calls have had every turn")
        while (call := self._engine.next_waiting_call()) is not None:
            self._answer(call)
            self._moved = time.monotonic()
        self._group = time.monotonic()

    def end_if_stuck(self) -> None:
        """End this process when a frame takes too long: a hostile file can keep a decoder busy for ever."""
        if time.monotonic() - self._moved > self._limit_s:
            log.error("video_step_stuck", frames=self.frames_done)
            os.kill(os.getpid(), signal.SIGKILL)

    def _answer(self, call: WaitingCall) -> None:
        request_id = logs.bound_request()
        logs.bind_request(call.request_id or None)
        try:
            CALLS[call.task](call.token, call.options)
        except Exception:
            log.exception("task_failed")  # what it can be told, its caller has been told
        finally:
            logs.bind_request(request_id)
