"""The list of images: filters, what the jobs say in an image's row, neighbours. The same on SQLite and on Postgres."""

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from core.database.engine import SessionFactory
from core.records import image_lists, records, reviews
from core.records.image_lists import ImageFilter
from core.records.rows import StoredImage
from tests.core import rows

BATCH = uuid.UUID(int=7)
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("Team photo.jpg", {"face_count": 0}),
    ("crowd.jpg", {"face_count": 40, "batch_id": BATCH}),
    ("team_50%.jpg", {"face_count": 3, "batch_id": BATCH, "review_state": "pending"}),
    ("queued.jpg", {"face_count": None, "status": "queued"}),
]


@pytest.fixture
def images(sessions: SessionFactory) -> list[StoredImage]:
    """Keep four images, the newest first."""
    made = [
        rows.image(filename=name, created_at=rows.NOON - timedelta(days=number))
        for number, (name, _) in enumerate(KINDS)
    ]
    with sessions() as session:
        for image, (_, values) in zip(made, KINDS, strict=True):
            rows.save_result(session, image, rows.mask_job(image, **values))
    return made


def found(sessions: SessionFactory, wanted: ImageFilter) -> list[str]:
    with sessions() as session:
        listed = [image_lists.page(session, number, 1, wanted) for number in range(1, 6)]
    assert {page.total for page in listed} == {sum(len(page.items) for page in listed)}
    return [page.items[0].image.filename.partition(".")[0] for page in listed if page.items]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (ImageFilter(), ["Team photo", "crowd", "team_50%", "queued"]),
        (ImageFilter(name="TEAM"), ["Team photo", "team_50%"]),
        (ImageFilter(name="m_5"), ["team_50%"]),
        (ImageFilter(name="%"), ["team_50%"]),
        (ImageFilter(batch_id=BATCH), ["crowd", "team_50%"]),
        (ImageFilter(min_faces=3), ["crowd", "team_50%"]),
        (ImageFilter(max_faces=3), ["Team photo", "team_50%"]),
        (ImageFilter(min_faces=4, max_faces=39), []),
        (ImageFilter(review_state="pending"), ["team_50%"]),
        (ImageFilter(review_state="done"), []),
        (ImageFilter(created_after=rows.NOON - timedelta(days=1)), ["Team photo", "crowd"]),
        (ImageFilter(name="team", created_before=rows.NOON), ["team_50%"]),
    ],
)
def test_images_are_found_by(
    sessions: SessionFactory, images: list[StoredImage], wanted: ImageFilter, names: list[str]
) -> None:
    assert found(sessions, wanted) == names


@pytest.mark.parametrize("few", [0, 1, 3, 7, 8, 20])
def test_pages_are_the_same_however_many_match(
    sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    every = [one.id for one in rows.saved(sessions, 8)]
    monkeypatch.setattr(image_lists, "FEW", few)
    with sessions() as session:
        listed = [image_lists.page(session, number, 3, ImageFilter(name="jpg")) for number in range(1, 5)]
    assert [[one.image.id for one in page.items] for page in listed] == [every[:3], every[3:6], every[6:], []]
    assert {page.total for page in listed} == {8}


def test_rare_name_is_looked_for_once(sessions: SessionFactory, images: list[StoredImage]) -> None:
    sent: list[str] = []
    event.listen(sessions.kw["bind"], "before_cursor_execute", lambda *call: sent.append(call[2]))
    with sessions() as session:
        assert image_lists.page(session, 1, 20, ImageFilter(name="crowd")).total == 1
    assert len([one for one in sent if "LIKE" in one]) == 1


def test_newest_job_that_counted_says_how_many_faces(sessions: SessionFactory, images: list[StoredImage]) -> None:
    crowd = images[1]
    later = rows.mask_job(crowd, face_count=41, created_at=crowd.created_at + timedelta(hours=1))
    failed = rows.mask_job(crowd, face_count=None, status="failed", created_at=crowd.created_at + timedelta(hours=2))
    earlier = rows.mask_job(crowd, face_count=39, created_at=crowd.created_at - timedelta(hours=1))
    rows.add_jobs(sessions, [later, failed, earlier])
    assert found(sessions, ImageFilter(min_faces=41, max_faces=41)) == ["crowd"]
    assert found(sessions, ImageFilter(batch_id=BATCH)) == ["crowd", "team_50%"]


def test_review_moves_an_image_to_those_that_are_done(sessions: SessionFactory, images: list[StoredImage]) -> None:
    with sessions() as session:
        (job,) = records.get_image(session, images[2].id).jobs
        reviews.accept(session, job.id, "admin")
    assert found(sessions, ImageFilter(review_state="pending")) == []
    assert found(sessions, ImageFilter(review_state="done")) == ["team_50%"]


def test_neighbours_are_those_of_the_batch(sessions: SessionFactory, images: list[StoredImage]) -> None:
    with sessions() as session:
        first, crowd, team, last = (image_lists.around(session, image) for image in images)
    assert (first.batch_id, first.newer, first.older) == (None, None, images[1].id)
    assert (crowd.batch_id, crowd.newer, crowd.older) == (BATCH, None, images[2].id)
    assert (team.newer, team.older) == (images[1].id, None)
    assert (last.newer, last.older) == (images[2].id, None)


def test_neighbours_of_the_same_moment_are_walked_once_each(sessions: SessionFactory) -> None:
    made = [rows.image() for _ in range(5)]
    with sessions() as session:
        for image in made:
            rows.save_result(session, image, replace(rows.mask_job(image)))
        here, walked = max(made, key=lambda image: image.id), []
        at: StoredImage | None = here
        while at:
            walked.append(at.id)
            older = image_lists.around(session, at).older
            at = next((image for image in made if image.id == older), None)
    assert walked == sorted((image.id for image in made), reverse=True)
