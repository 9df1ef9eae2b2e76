"""API keys: made, found, changed, counted, never kept in clear."""

import re
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from core.access import keys
from core.access.keys import KeyUsage
from core.database.engine import SessionFactory
from core.errors import NotFound
from tests.core.rows import NOON


def test_key_text_has_contract_form(session: Session) -> None:
    key, text = keys.create(session, "camera")
    assert re.fullmatch(r"xyl_[0-9a-f]{48}", text)
    assert (key.key_prefix, key.key_suffix) == (text[:11], text[-8:])
    assert key.key_preview == f"{text[:11]}...{text[-8:]}"


def test_key_is_found_by_text(session: Session) -> None:
    key, text = keys.create(session, "camera")
    found = keys.find(session, text)
    assert found is not None and found.id == key.id and found.is_active


def test_wrong_text_finds_nothing(session: Session) -> None:
    _, text = keys.create(session, "camera")
    assert keys.find(session, text[:-1] + ("0" if text[-1] != "0" else "1")) is None


def test_key_text_is_not_stored(session: Session) -> None:
    _, text = keys.create(session, "camera")
    row = session.execute(sql("SELECT * FROM api_keys")).one()
    assert "camera" in row and not any(text[11:-8] in str(value) for value in row)


@pytest.mark.parametrize("which", ["id", "key_prefix"])
def test_revoked_key_stays_known(session: Session, which: str) -> None:
    key, text = keys.create(session, "camera")
    keys.revoke(session, str(getattr(key, which)))
    found = keys.find(session, text)
    assert found is not None and not found.is_active


def test_revoke_refuses_unknown_key(session: Session) -> None:
    with pytest.raises(NotFound):
        keys.revoke(session, "xyl_0000000")


def test_keys_are_listed_newest_first(session: Session) -> None:
    for name in ("first", "second", "third"):
        keys.create(session, name)
    assert [key.name for key in keys.list_all(session)] == ["third", "second", "first"]


def test_keys_are_paged_newest_first(session: Session) -> None:
    for name in ("first", "second", "third"):
        keys.create(session, name)
    pages = [keys.page(session, page, 2) for page in (1, 2, 3)]
    assert [[key.name for key in page.items] for page in pages] == [["third", "second"], ["first"], []]
    assert {(page.total, page.pages) for page in pages} == {(3, 2)}


def test_no_keys_is_an_empty_page(session: Session) -> None:
    page = keys.page(session, 1, 20)
    assert (page.items, page.total, page.pages) == ([], 0, 0)


def test_key_times_know_their_zone(session: Session) -> None:
    _, text = keys.create(session, "camera")
    session.expire_all()
    found = keys.find(session, text)
    assert found is not None and found.created_at.isoformat().endswith("+00:00")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "door"}, ("door", True)),
        ({"is_active": False}, ("camera", False)),
        ({"name": "door", "is_active": False}, ("door", False)),
        ({}, ("camera", True)),
    ],
)
def test_change_touches_what_is_named(
    sessions: SessionFactory, changes: dict[str, Any], expected: tuple[str, bool]
) -> None:
    with sessions() as session:
        key, _ = keys.create(session, "camera")
        changed = keys.change(session, key.id, **changes)
        assert (changed.name, changed.is_active) == expected
    with sessions() as session:
        found = keys.get(session, key.id)
        assert (found.name, found.is_active) == expected


def test_revoked_key_can_come_back(session: Session) -> None:
    key, text = keys.create(session, "camera")
    keys.revoke(session, str(key.id))
    keys.change(session, key.id, is_active=True)
    found = keys.find(session, text)
    assert found is not None and found.is_active


def test_deleted_key_is_unknown(sessions: SessionFactory) -> None:
    with sessions() as session:
        key, text = keys.create(session, "camera")
        keys.delete(session, key.id)
    with sessions() as session:
        assert keys.find(session, text) is None


@pytest.mark.parametrize("question", [keys.get, keys.change, keys.delete])
def test_unknown_key_is_not_found(session: Session, question: Callable[[Session, uuid.UUID], object]) -> None:
    with pytest.raises(NotFound):
        question(session, uuid.uuid4())


def test_uses_add_up(sessions: SessionFactory) -> None:
    with sessions() as session:
        used, _ = keys.create(session, "camera")
        unused, _ = keys.create(session, "door")
        keys.add_uses(session, {used.id: KeyUsage(2, NOON), uuid.uuid4(): KeyUsage(7, NOON)})
        keys.add_uses(session, {used.id: KeyUsage(3, NOON + timedelta(hours=1))})
        keys.add_uses(session, {used.id: KeyUsage(1, NOON)})  # came late
        keys.add_uses(session, {})
    with sessions() as session:
        found = keys.get(session, used.id)
        assert (found.request_count, found.last_used_at) == (6, NOON + timedelta(hours=1))
        found = keys.get(session, unused.id)
        assert (found.request_count, found.last_used_at) == (0, None)


def test_concurrent_uses_are_all_counted(postgres_sessions: SessionFactory) -> None:
    with postgres_sessions() as session:
        made = [keys.create(session, name)[0].id for name in ("a", "b", "c")]

    def add(order: list[uuid.UUID]) -> None:
        for _ in range(25):
            with postgres_sessions() as session:
                keys.add_uses(session, {key_id: KeyUsage(1, NOON) for key_id in order})

    with ThreadPoolExecutor() as pool:
        list(pool.map(add, [made, made[::-1]]))
    with postgres_sessions() as session:
        assert [keys.get(session, key_id).request_count for key_id in made] == [50, 50, 50]


def test_far_page_of_keys_is_empty(session: Session) -> None:
    keys.create(session, "camera")
    found = keys.page(session, 10**20, 20)
    assert (found.items, found.total) == ([], 1)
