"""Moments in the database: whatever a caller makes up can be asked for."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine, literal, select

from core.database.base import UtcDateTime


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-03-03T14:00:00+02:00", datetime(2026, 3, 3, 12, tzinfo=UTC)),
        ("0001-01-01T00:00:00+01:00", datetime.min.replace(tzinfo=UTC)),
        ("9999-12-31T23:00:00-05:00", datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_moment_beyond_the_calendar_becomes_the_nearest(sent: str, kept: datetime) -> None:
    moment = literal(datetime.fromisoformat(sent), UtcDateTime)
    with create_engine("sqlite://").connect() as connection:
        assert connection.scalar(select(moment)) == kept
