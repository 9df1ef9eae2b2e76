"""Steps of videos and their leases: each follows when all before it are completed, whoever dies meanwhile."""

import json
import uuid
from collections import Counter

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import config
from core.batches.videos import lifecycle, objects, reaping, steps
from core.batches.videos.steps import StepResult
from core.contract.states import StepKind
from core.database.models import Video, WebhookDelivery
from core.errors import NotFound
from core.webhooks import events
from tests.core.batches.videos.made import (
    LEASE_S,
    OPTIONS,
    PROBED,
    SEGMENTS,
    begun,
    cleanup_keys,
    done,
    ready,
    run_out,
    states,
    status,
    take,
    taken,
    to_the_join,
)

RESULT = {"result_size_bytes": 900}


def test_steps_follow_one_another(session: Session) -> None:
    video = begun(session)
    assert status(session, video) == "queued"
    probe = taken(session, StepKind.PROBE)
    assert (probe.options, probe.source_key, probe.size_bytes) == (OPTIONS, objects.source(video.id), 1000)
    assert status(session, video) == "probing"
    assert take(session) is None
    assert steps.complete(session, probe, StepResult(PROBED, SEGMENTS))
    assert status(session, video) == "detecting"
    first, second = taken(session, StepKind.DETECT), taken(session, StepKind.DETECT)
    assert [first.segment, second.segment] == SEGMENTS
    assert take(session) is None
    assert steps.complete(session, second, StepResult())
    assert status(session, video) == "detecting", "the first is not done"
    assert steps.complete(session, first, StepResult())
    assert status(session, video) == "linking"
    done(session, StepKind.LINK)
    assert status(session, video) == "rendering"
    assert steps.segments(session, video.id) == SEGMENTS
    done(session, StepKind.RENDER, StepKind.RENDER)
    assert status(session, video) == "rendering"
    join = taken(session, StepKind.JOIN)
    key = objects.result(video.id, "mp4")
    assert steps.finish(session, join, StepResult(RESULT | {"result_key": key}, keys=[key]))
    found = lifecycle.get(session, video.id)
    assert (found.status, found.result_key, found.faces_tracked, found.segments) == ("completed", key, 3, 2)
    assert found.finished_at
    assert cleanup_keys(session) == set(objects.intermediate(found)), "what nobody needs any more"
    assert take(session) is None


def test_progress_counts_frames(session: Session) -> None:
    video = begun(session)
    shares = []

    def share() -> float:
        (found,) = lifecycle.progress(session, [lifecycle.get(session, video.id)])
        shares.append(found.share)
        return found.frames_done

    assert share() == 0
    done(session, StepKind.PROBE)
    first = taken(session, StepKind.DETECT)
    assert steps.extend(session, first, LEASE_S, 100)
    assert share() == 100
    steps.complete(session, first, StepResult())
    assert share() == 250
    done(session, StepKind.DETECT)
    assert share() == 500
    done(session, StepKind.LINK, StepKind.RENDER)
    assert share() == 250, "of those that are rendered"
    done(session, StepKind.RENDER)
    share()
    steps.finish(session, taken(session, StepKind.JOIN), StepResult(RESULT))
    assert share() == 500
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1


def test_videos_take_turns(session: Session) -> None:
    first, second = begun(session), begun(session)
    done(session, StepKind.PROBE, StepKind.PROBE)
    held = [taken(session, StepKind.DETECT).video_id for _ in range(4)]
    assert held in ([first.id, second.id] * 2, [second.id, first.id] * 2)


def test_key_with_many_videos_has_no_more_turns_than_others(session: Session) -> None:
    keys = uuid.uuid4(), None
    owners = {begun(session, api_key_id=key).id: key for key in (*keys[:1] * 5, *keys[1:] * 3)}
    assert Counter(owners[taken(session, StepKind.PROBE).video_id] for _ in range(6)) == dict.fromkeys(keys, 3)


def test_worker_that_was_given_up_changes_nothing(session: Session) -> None:
    video = begun(session)
    done(session, StepKind.PROBE)
    late = taken(session, StepKind.DETECT)
    run_out(session)
    assert reaping.reap_expired_leases(session) == 1
    ready(session)
    held = taken(session, StepKind.DETECT)
    assert (held.step_id, held.attempts) == (late.step_id, 2)
    assert not steps.extend(session, late, LEASE_S, 10)
    assert not steps.complete(session, late, StepResult())
    assert not steps.fail(session, late, "x", "y")
    assert not steps.requeue_later(session, late)
    assert steps.complete(session, held, StepResult())
    assert states(session, video)[:2] == [("detect", 0, "completed"), ("detect", 1, "queued")]


def test_reaping_of_a_task_spares_others(session: Session) -> None:
    begun(session)
    taken(session, StepKind.PROBE)
    assert reaping.reap_expired_leases(session, "another task") == 0
    assert reaping.reap_expired_leases(session, "a task") == 1
    assert steps.waiting(session)


def test_third_death_fails_the_video(session: Session) -> None:
    video = begun(session)
    done(session, StepKind.PROBE)
    for deaths in range(1, 4):
        taken(session, StepKind.DETECT)
        reaping.reap_expired_leases(session, "a task")
        ready(session)
        # The other segment is queued, too: its turn would come first.
        assert status(session, video) == ("failed" if deaths == 3 else "detecting")
    found = lifecycle.get(session, video.id)
    assert found.error_code == "quarantined"
    assert {state for _, _, state in states(session, video)} == {"completed", "failed", "cancelled"}
    assert take(session) is None
    assert not steps.waiting(session)


def test_failed_step_fails_the_video(session: Session) -> None:
    video = begun(session)
    done(session, StepKind.PROBE)
    bad, other = taken(session, StepKind.DETECT), taken(session, StepKind.DETECT)
    assert steps.fail(session, bad, "undecodable_video", "frame 7 is broken")
    found = lifecycle.get(session, video.id)
    assert (found.status, found.error_code, found.error_detail) == ("failed", "undecodable_video", "frame 7 is broken")
    assert not steps.extend(session, other, LEASE_S, 5), "its worker stops"
    key = objects.faces(video.id, 1)
    assert not steps.complete(session, other, StepResult(keys=[key]))
    assert key in cleanup_keys(session)


def test_step_that_is_put_off_comes_again(session: Session) -> None:
    begun(session)
    assert steps.requeue_later(session, taken(session, StepKind.PROBE))
    assert take(session) is None, "not at once"
    ready(session)
    assert taken(session, StepKind.PROBE).attempts == 2


def test_cancelled_video_gives_no_result(session: Session) -> None:
    video = begun(session)
    join = to_the_join(session)
    assert lifecycle.cancel(session, video.id).status == "cancelled"
    assert set(objects.intermediate(lifecycle.get(session, video.id))) == cleanup_keys(session)
    key = objects.result(video.id, "mp4")
    assert not steps.extend(session, join, LEASE_S, 0)
    assert not steps.finish(
        session, join, StepResult(RESULT | {"result_key": key}, keys=[key, objects.tracks(video.id)])
    )
    assert lifecycle.get(session, video.id).result_key is None
    assert key in cleanup_keys(session)
    assert take(session) is None
    assert lifecycle.cancel(session, video.id).status == "cancelled"


def test_ended_video_is_not_cancelled(session: Session) -> None:
    video = begun(session)
    assert steps.finish(session, to_the_join(session), StepResult(RESULT))
    assert lifecycle.cancel(session, video.id).status == "completed"


def test_deleted_video_leaves_keys_alone(session: Session) -> None:
    video = begun(session)
    join = to_the_join(session)
    keys = lifecycle.remove(session, video.id)
    assert {objects.source(video.id), objects.tracks(video.id), objects.result(video.id, "webm")} <= set(keys)
    assert set(keys) == cleanup_keys(session)
    with pytest.raises(NotFound):
        lifecycle.get(session, video.id)
    late = objects.result(video.id, "mp4")
    assert not steps.finish(session, join, StepResult(RESULT, keys=[late]))
    assert late in cleanup_keys(session)
    assert session.query(Video).count() == 0


def test_list_shows_a_keys_own_videos(session: Session) -> None:
    mine, before, other = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    videos = [begun(session, api_key_id=key) for key in (before, mine)]
    begun(session, api_key_id=other)
    begun(session)
    found = lifecycle.page(session, 1, 10, shown={mine, before})
    assert {video.id for video in found.items} == {video.id for video in videos}
    assert lifecycle.page(session, 1, 10, shown=()).total == 0
    assert lifecycle.page(session, 1, 10).total == 4


def test_receiver_is_told_of_the_end(session: Session) -> None:
    ends = [begun(session, webhook_url="https://example.org/") for _ in range(2)]
    begun(session)
    lifecycle.cancel(session, ends[1].id)
    with_result = steps.StepResult(RESULT)
    while (held := take(session)) is not None:
        if held.kind == StepKind.PROBE:
            assert steps.complete(session, held, StepResult(PROBED, SEGMENTS))
        elif held.kind == StepKind.JOIN:
            assert steps.finish(session, held, with_result)
        else:
            assert steps.complete(session, held, StepResult())
    told = {one.video_id: json.loads(one.payload) for one in session.scalars(select(WebhookDelivery))}
    assert {video: one["type"] for video, one in told.items()} == {
        ends[0].id: "video.completed",
        ends[1].id: "video.cancelled",
    }
    settings = config.read(public_url="https://faces.example.org")
    sent = json.loads(events.body(json.dumps(told[ends[0].id]), settings))
    assert sent["data"]["url"] == f"https://faces.example.org/api/v1/videos/{ends[0].id}"
    lifecycle.remove(session, ends[0].id)
    assert [one.video_id for one in session.scalars(select(WebhookDelivery))] == [ends[1].id]


def test_old_videos_expire(session: Session) -> None:
    video = begun(session)
    begun(session)
    lifecycle.cancel(session, video.id)
    assert lifecycle.expired(session, 1) == []
    assert lifecycle.expired(session, 0) == [video.id]
