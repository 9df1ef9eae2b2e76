"""What maintenance does for videos: old ones deleted, steps of dead workers given to others, orphans found."""

import uuid
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner
from sqlalchemy import update

from admin.main import main
from core import config, maintenance
from core.batches.videos import lifecycle, objects
from core.contract.states import StepKind
from core.database.clock import database_time
from core.database.models import Video
from core.errors import NotFound
from core.records import comparisons
from core.services import Services
from tests import databases
from tests.conftest import BuildServices
from tests.core.batches.videos import made as videos


@pytest.fixture
def made(tmp_path: Path, valkey: str, build_services: BuildServices) -> Services:
    settings = config.read(var_dir=tmp_path / "var", redis_url=valkey, retention_video_days=30)
    databases.migrate(settings)
    redis.Redis.from_url(valkey).flushall()
    return build_services(settings)


def kept(made: Services, key: str) -> bool:
    assert made.store is not None
    return key in {found.key for found in made.store.list("videos/")}


def put(made: Services, *keys: str) -> None:
    assert made.store is not None
    for key in keys:
        made.store.put(key, b"x", "video/mp4")


def test_old_video_is_deleted_with_its_objects(made: Services) -> None:
    assert made.sessions is not None
    with made.sessions() as session:
        old, young = videos.begun(session), videos.begun(session)
        for video in (old, young):
            lifecycle.cancel(session, video.id)
            put(made, objects.source(video.id), objects.tracks(video.id))
        moment = database_time(-31 * 86400)
        session.execute(update(Video).where(Video.id == old.id).values(finished_at=moment))
        session.commit()
        assert maintenance.expire_videos(made) == 1
        with pytest.raises(NotFound):
            lifecycle.get(session, old.id)
        assert lifecycle.get(session, young.id)
    maintenance.clean_storage(made)
    assert not kept(made, objects.source(old.id)) and not kept(made, objects.tracks(old.id))
    assert kept(made, objects.source(young.id))


def test_maintenance_command_minds_videos(made: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "load", lambda: made.settings)
    assert made.sessions is not None
    with made.sessions() as session:
        old = videos.begun(session)
        lifecycle.cancel(session, old.id)
        session.execute(update(Video).values(finished_at=database_time(-31 * 86400)))
        videos.begun(session)
        videos.taken(session, StepKind.PROBE)
        videos.run_out(session)
    ran = CliRunner().invoke(main, ["maintenance", "run"])
    assert ran.exit_code == 0, ran.output
    assert "expired leases of video steps     1\n" in ran.output
    assert "videos past their retention       1\n" in ran.output
    assert "objects of abandoned uploads      0\n" in ran.output
    with made.sessions() as session, pytest.raises(NotFound):
        lifecycle.get(session, old.id)


def test_all_old_videos_are_deleted(made: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    expired = lifecycle.expired
    monkeypatch.setattr(lifecycle, "expired", lambda session, days: expired(session, days, limit=1))
    assert made.sessions is not None
    with made.sessions() as session:
        for _ in range(3):
            lifecycle.cancel(session, videos.begun(session).id)
        session.execute(update(Video).values(finished_at=database_time(-31 * 86400)))
        session.commit()
    assert maintenance.expire_videos(made, seconds=0) == 0, "no time is left"
    assert maintenance.expire_videos(made) == 3


def test_steps_of_dead_workers_are_given_to_others(made: Services) -> None:
    assert made.sessions is not None
    with made.sessions() as session:
        videos.begun(session)
        videos.taken(session, StepKind.PROBE)
        assert maintenance.reap_videos(made) == 0
        assert made.redis.llen("batch") == 0, "nothing waits"
        videos.run_out(session)
        assert maintenance.reap_videos(made) == 1
    assert made.redis.llen("batch") > 0, "workers are called"


def test_objects_of_no_video_are_orphans(made: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparisons, "ORPHAN_AGE", timedelta(seconds=-10))
    assert made.sessions is not None
    gone = uuid.uuid4()
    with made.sessions() as session:
        video = videos.begun(session)
    put(made, objects.source(video.id), objects.part(video.id, 0), objects.source(gone), objects.part(gone, 3))
    assert maintenance.compare(made).orphans == 2
    maintenance.clean_storage(made)
    assert not kept(made, objects.source(gone)) and not kept(made, objects.part(gone, 3))
    assert kept(made, objects.source(video.id)) and kept(made, objects.part(video.id, 0))


def test_video_that_comes_late_is_no_orphan(made: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload whose row comes after the comparison keeps its file."""
    monkeypatch.setattr(comparisons, "ORPHAN_AGE", timedelta(seconds=-10))
    assert made.sessions is not None
    video_id = uuid.uuid4()
    key = objects.source(video_id)
    put(made, key)
    assert maintenance.compare(made).orphans == 1
    with made.sessions() as session:
        source = lifecycle.VideoSource(video_id, key, "street.mp4", 1, is_ours=True)
        lifecycle.create(session, lifecycle.NewVideo(source, videos.OPTIONS))
    maintenance.clean_storage(made)
    assert kept(made, key)
