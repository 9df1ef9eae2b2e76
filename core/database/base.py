"""What all tables share: base class, column types, naming of constraints."""

from datetime import MINYEAR, UTC, datetime
from enum import StrEnum

from sqlalchemy import JSON, BigInteger, CheckConstraint, DateTime, Integer, MetaData, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase

# SQLite autoincrements only a key of type INTEGER.
Serial = BigInteger().with_variant(Integer, "sqlite")
FIRST_MOMENT, LAST_MOMENT = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
JsonDocument = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """A timestamp in UTC: SQLite stores no zone, so it is added on reading.

    A moment that a caller made up and that UTC has no year for, such as 9999-12-31T23:00-05:00, becomes the nearest.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and _in_utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC))


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return FIRST_MOMENT if moment.year == MINYEAR else LAST_MOMENT


class Base(DeclarativeBase):
    # Constraints have names on every database, so that a migration can drop them.
    metadata = MetaData(
        naming_convention={
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """Make the constraint that a column holds one of an enumeration's texts, or null where it may."""
    return CheckConstraint(f"{column} IN ({', '.join(map(repr, map(str, values)))})", name=column)
