"""A step of a video takes minutes; the calls that wait meanwhile are answered between groups of its frames.

So no call waits for longer than one group, however many processes work on videos.
"""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from core.engine.client import EngineClient
from core.engine.wakeups import VIDEO_STEP_LIMIT_S
from core.errors import EngineUnavailable
from core.observability import logs
from worker import activity, tasks
from worker.leases import LeaseKeeper

log = logs.get(__name__)
Result = TypeVar("Result")

GROUP_S = 0.1  # chosen: with the frame that ends it below the half second that a call may wait; a look costs < 1 ms
# A step that calls have interrupted for so long begins anew, before its task is ended.
GIVE_UP_AFTER_S = VIDEO_STEP_LIMIT_S / 2
# A part of a frame that takes longer, such as a search of 1080p at `thorough`, has calls answered beside it.
# chosen: with what else there is to a frame, and the group before it, below the half second
LONG_S = 0.2
FRAMELESS = 5  # chosen: how many times longer than a frame whatever has none may take, such as reading 2 GiB from S3


class Turns:
    """Counts the frames of a step, and gives waiting calls their turn. limit_s: how long a frame may take."""

    def __init__(self, engine: EngineClient, keeper: LeaseKeeper, limit_s: float) -> None:
        self._engine, self._keeper, self._limit_s = engine, keeper, limit_s
        self._started = self._group = time.monotonic()
        self._stuck_at = self._started + limit_s
        self._longest_part_s = 0.0
        self.frames_done = 0

    def frame_done(self) -> None:
        """Count a frame. LeaseLost once the lease is lost, EngineUnavailable when the step is to begin anew."""
        self.frames_done += 1
        self._stuck_at = time.monotonic() + self._limit_s
        self.give()

    def give(self) -> None:
        """End the group, if it has taken long enough, and answer the calls that wait; raises as frame_done."""
        began = time.monotonic()
        if began - self._group < GROUP_S:
            return
        self._keeper.check()
        if began - self._started > GIVE_UP_AFTER_S:
            raise EngineUnavailable("calls have had every turn")
        while (call := self._engine.next_waiting_call()) is not None:
            with activity.shared().working():
                tasks.answer_waiting(call)
        self._group = time.monotonic()
        self._stuck_at += self._group - began

    def part(self, act: Callable[[], Result]) -> Result:
        """Do a part of a frame: beside calls, where one of this step has taken long before; raises as frame_done."""
        began = time.monotonic()
        result = act() if self._longest_part_s < LONG_S else self._in_thread(act)
        self._longest_part_s = max(self._longest_part_s, time.monotonic() - began)
        self.give()
        return result

    def beside(self, act: Callable[[], Result]) -> Result:
        """Do something without frames in a thread, while calls have their turns here; raises as frame_done."""
        self._stuck_at = time.monotonic() + FRAMELESS * self._limit_s
        return self._in_thread(act)

    def _in_thread(self, act: Callable[[], Result]) -> Result:
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(act)
            while not wait([done], GROUP_S / 2).done:
                self.give()
        return done.result()

    def end_if_stuck(self) -> None:
        """End this process when a frame takes too long: a hostile file can keep a decoder busy for ever."""
        if time.monotonic() > self._stuck_at:
            log.error("video_step_stuck", frames=self.frames_done)
            os.kill(os.getpid(), signal.SIGKILL)
