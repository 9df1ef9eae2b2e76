"""Machines that are cut off, come back and are switched off, under a batch and calls: every one has one outcome.

A machine that is cut off answers nothing and is told nothing: its connections hang, at both ends.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import pytest
import skimage.data
from sqlalchemy import func, select

from core.database.models import Batch, BatchItem
from tests.cluster import machines
from tests.cluster.load import SteadyCalls, counted
from tests.cluster.service import Cluster, Node
from tests.faults import crops, outcomes, results
from tests.faults.callers import KEPT, UNKEPT, Answer
from tests.faults.calls import ask, upload
from tests.faults.test_outages import assert_whole

PICTURES, A_SECOND = 300, 4.0
CUT_S, WEB_CUT_S = 30.0, 10.0
BACKLOG = 60  # chosen: some seconds of work, so that a machine has an item when it is cut off
SERVED = 8  # chosen: two seconds of calls, one after the other, by which the service is as before
BACK_WITHIN_S = 90.0  # chosen: what is not back by then won't be
DONE_WITHIN_S = 900.0  # a slow machine's work
LARGE = 2  # chosen: one for each worker
HANDED_OVER = 1  # the next call goes to whoever waits for it, and Redis can't know that it hears nothing


@dataclass
class Feed:
    """A batch that is sent in portions."""

    cluster: Cluster
    pictures: dict[str, bytes]
    batch: str = ""
    sent: int = 0

    def open(self) -> None:
        self.batch = ask(self.cluster.stack, "POST", "/batches", json={"name": "cluster"})["id"]

    def send(self, count: int) -> None:
        names = list(self.pictures)[self.sent : self.sent + count]
        upload(self.cluster.stack, self.batch, {name: self.pictures[name] for name in names}, files_a_call=20)
        self.sent += len(names)

    def done(self) -> int:
        """Count what is completed, in the database itself."""
        sessions = self.cluster.stack.services.sessions
        assert sessions is not None
        with sessions() as session:
            return int(session.scalar(select(func.sum(Batch.completed))) or 0)

    def until_done(self, count: int) -> None:
        self.cluster.stack.until(lambda: self.done() >= count, DONE_WITHIN_S)


@dataclass
class Story:
    """What happened, with the seconds between two moments."""

    cluster: Cluster
    told: dict[str, Any] = field(default_factory=dict)

    def until(self, name: str, began: float, what: Callable[[], bool]) -> None:
        """Wait until something is so, and note how long after a moment that was. began: by time.monotonic()."""
        self.cluster.stack.until(what, BACK_WITHIN_S)
        self.told[name] = round(time.monotonic() - began, 1)

    def calls(self, name: str, answers: list[Answer]) -> None:
        self.told[name] = {
            "outcomes": counted(answers),
            "longest_s": round(max(answer.took_s for answer in answers), 1),
        }


def cut_worker(cluster: Cluster, node: Node, feed: Feed, calls: SteadyCalls, story: Story) -> None:
    """Cut off a worker for a while; then it works again."""
    with cluster.cut_at_work(node) as began:
        held = cluster.held_by(node)
        story.until("cut_noticed_s", began, lambda: node.worker not in cluster.living())
        story.until("cut_sessions_gone_s", began, lambda: not cluster.sessions_of(node))
        story.until("cut_connections_gone_s", began, lambda: not cluster.connections_of(node))
        feed.send(BACKLOG)
        time.sleep(max(0.0, began + CUT_S - time.monotonic()))
    healed = time.monotonic()
    story.until("cut_back_s", healed, lambda: node.worker in cluster.living())
    story.until("cut_works_again_s", healed, lambda: cluster.held_by(node) > 0)
    calls.until_served(time.monotonic(), SERVED, BACK_WITHIN_S)
    story.told["cut_held"] = held
    story.calls("cut_calls", calls.within(began, healed))


def cut_web(cluster: Cluster, feed: Feed, calls: SteadyCalls, story: Story) -> None:
    """Cut web off from what it stands on; the workers go on."""
    feed.send(BACKLOG)
    before, began = feed.done(), time.monotonic()
    with machines.cut(cluster.web.machine, cluster.servers):
        story.until("web_noticed_s", began, lambda: not cluster.ready())
        time.sleep(max(0.0, began + WEB_CUT_S - time.monotonic()))
        story.told["web_batch_meanwhile"] = feed.done() - before
    healed = time.monotonic()
    story.until("web_ready_s", healed, cluster.ready)
    calls.until_served(healed, SERVED, BACK_WITHIN_S)
    answers = calls.within(began, time.monotonic())
    story.calls("web_calls", answers)
    worse = [answer.ended for answer in answers if answer.outcome != KEPT and answer.ended > healed]
    story.told["web_calls_back_s"] = round(max(worse, default=healed) - healed, 1)


def large() -> bytes:
    """Return a picture that takes a process so long that it is seen at work."""
    enlarged = cv2.resize(skimage.data.astronaut(), (2400, 2400))
    return bytes(cv2.imencode(".jpg", enlarged)[1])


def switch_off_worker(cluster: Cluster, node: Node, feed: Feed, calls: SteadyCalls, story: Story) -> Any:
    """Switch off a worker that works on a call, and have the other end the batch; return that."""
    feed.send(PICTURES - BACKLOG - feed.sent)
    feed.until_done(feed.sent)
    for _ in range(LARGE):
        calls.send(large())
    cluster.stack.until(lambda: cluster.held_by(node) > 0 or calls.pending() == 0)
    with cluster.without(node) as began:
        story.told["killed_held"] = cluster.held_by(node)
        feed.send(BACKLOG)
        story.until("killed_noticed_s", began, lambda: node.worker not in cluster.living())
        ask(cluster.stack, "POST", f"/batches/{feed.batch}/close")
        shown = outcomes.wait(cluster.stack, feed.batch, DONE_WITHIN_S)
        calls.until_served(time.monotonic(), SERVED, BACK_WITHIN_S)
        story.calls("killed_calls", calls.within(began, time.monotonic()))
    return shown


def test_machines_are_cut_off_and_nothing_is_lost(
    cluster: Cluster, model: tuple[str, Path], request: pytest.FixtureRequest
) -> None:
    shared = request.config.getoption("--shared")
    made = crops.made(PICTURES + 40, shared)
    pictures = dict(list(made.items())[:PICTURES])
    feed, story = Feed(cluster, pictures), Story(cluster)
    calls = SteadyCalls(cluster.stack, list(made.values())[PICTURES:], A_SECOND)
    first, second = cluster.workers
    feed.open()
    with calls.at_work():
        calls.until_served(time.monotonic(), SERVED, BACK_WITHIN_S)
        feed.send(BACKLOG)
        feed.until_done(5)
        cut_worker(cluster, first, feed, calls, story)
        cut_web(cluster, feed, calls, story)
        shown = switch_off_worker(cluster, second, feed, calls, story)
    story.told |= {"cut_s": CUT_S, "web_cut_s": WEB_CUT_S, "a_second": A_SECOND}
    story.told |= {"sent": calls.sent, "outcomes": counted(calls.answers), "pictures": PICTURES}
    story.told |= {"counts": shown["counts"], "lost_leases": lost_leases(cluster)}
    results.write("cluster", full=True, **story.told)
    assert_outcomes(cluster, calls, story)
    found = outcomes.listed(cluster.stack, feed.batch)
    outcomes.assert_items(found, pictures, outcomes.expected(pictures, model))
    assert_whole(cluster.stack, [one.image_id for one in calls.answers if one.outcome == KEPT])


def lost_leases(cluster: Cluster) -> int:
    """Count how often an item went from a worker that was gone to another."""
    sessions = cluster.stack.services.sessions
    assert sessions is not None
    with sessions() as session:
        return int(session.scalar(select(func.sum(BatchItem.lost_leases))) or 0)


def assert_outcomes(cluster: Cluster, calls: SteadyCalls, story: Story) -> None:
    """Every call has an answer; none is worse than a machine's end makes it."""
    told = story.told
    assert len(calls.answers) == calls.sent
    kinds = Counter(answer.outcome.split(" ")[0] for answer in calls.answers if answer.outcome not in (KEPT, UNKEPT))
    assert set(kinds) <= {"503", "504"}
    for part in ("cut", "killed"):
        failed = {kind: count for kind, count in told[f"{part}_calls"]["outcomes"].items() if kind != KEPT}
        assert sum(failed.values()) <= told[f"{part}_held"] + HANDED_OVER, failed
    assert told["counts"]["completed"] == told["pictures"]
    assert told["web_batch_meanwhile"] > 0
    assert told["lost_leases"] > 0
