"""How many rows there are of each kind: exact, without counting them.

Counting a million rows takes longer than answering a page of them, and one counter for all would make every writer
wait for the others. So triggers append what each statement changes (`tally_changes`: no writer waits, and a change
lives and dies with its transaction, cascades and bulk statements included), and maintenance folds the changes into
sums by hour and by day (`tallies`). A reader adds up both in one statement, so that its numbers are right however
long ago that was; only its time grows with the changes that are not folded yet.

The sums also say where a page begins: days and hours that come before it are stepped over as a whole. What is skipped
row by row is bounded by the matching rows of one hour, for the last page as for the first, and what is counted row by
row by those of the two hours that a range cuts.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, cast, delete, func, select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.database import upserts
from core.database.models import ANY_BATCH, Image, ProcessingJob, Tally, TallyChange

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MEASURES = ("row_count", "faces", "timed", "inference_us", "bytes")
KEY = ("counted", "batch_id", "span", "starts_at", "job_type", "blur_method", "status")
MAX_SKIP = 1000  # chosen: skipping fewer rows costs less than asking for the hours of a day
FOLDED_AT_ONCE = 5000  # chosen: a short transaction, and fewer parameters than SQLite allows

Range = tuple[datetime | None, datetime | None]  # from the first on, before the second; None: no end
NO_DAYS: Range = (EPOCH, EPOCH)


@dataclass(frozen=True)
class RowFilter:
    """The rows of a table whose columns equal the given values, created at `after` or later and before `before`.

    statuses: of jobs, one of these; none: all.
    """

    table: type[Image] | type[ProcessingJob]
    equal: dict[str, Any] = field(default_factory=dict)
    after: datetime | None = None
    before: datetime | None = None
    statuses: tuple[str, ...] = ()

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions in SQL."""
        return [*self.kind(self.table), *_within(self.table.created_at, (self.after, self.before))]

    def kind(self, table: Any, **others: Any) -> list[ColumnElement[bool]]:
        """Return the conditions on all but the time: on the table, or on the tallies of it."""
        equal = [getattr(table, name) == value for name, value in (self.equal | others).items()]
        if not self.statuses:
            return equal
        (first, *more) = self.statuses
        return [*equal, table.status.in_(self.statuses) if more else table.status == first]

    def by_status(self) -> list["RowFilter"]:
        """Return a filter for each of the statuses."""
        return [replace(self, statuses=(status,)) for status in self.statuses] or [self]


@dataclass(frozen=True)
class SeekPosition:
    """total: of the rows. The wanted one stands `skip` rows below the moment `before`; None: there is no such row."""

    total: int
    before: datetime | None = None
    skip: int = 0


@dataclass(frozen=True)
class _TimeSegment:
    start: datetime
    end: datetime
    row_count: int


def seek(session: Session, rows: RowFilter, offset: int) -> SeekPosition:
    """Count the rows, and find the one that has `offset` newer ones."""
    segments = list(_segments(session, rows))
    total = sum(segment.row_count for segment in segments)
    position = _find(segments, offset)
    if position is None:
        return SeekPosition(total)
    segment, skip = position
    if skip > MAX_SKIP and segment.end - segment.start == DAY:
        hours = (segment.start, segment.end)
        segment, skip = _find(_summed(session, rows, hours, NO_DAYS), skip) or position
    return SeekPosition(total, segment.end, skip)


def _find(segments: Iterable[_TimeSegment], offset: int) -> tuple[_TimeSegment, int] | None:
    for segment in segments:
        if offset < segment.row_count:
            return segment, offset
        offset -= segment.row_count
    return None


def totals() -> Select[Any]:
    """Select the measures of all rows, by table, job type and method."""
    keys = ("counted", "job_type", "blur_method")
    names = (*keys, *MEASURES)
    days = select(*_columns(Tally, names)).where(Tally.batch_id == ANY_BATCH, Tally.span == "day")
    every = union_all(days, select(*_columns(TallyChange, names))).subquery()
    measures = [cast(func.sum(every.c[name]), BigInteger).label(name) for name in MEASURES]
    groups = [every.c[name] for name in keys]
    return select(*groups, *measures).group_by(*groups)


def fold(session: Session) -> int:
    """Add the changes to the sums and commit; return how many there were. Any number of these may run at a time."""
    folded = 0
    while taken := _take(session):
        _add(session, taken)
        session.commit()
        folded += len(taken)
        if len(taken) < FOLDED_AT_ONCE:
            break
    _delete_empty(session)
    session.commit()
    return folded


def _segments(session: Session, rows: RowFilter) -> Iterator[_TimeSegment]:
    """Cut the rows into segments of time, newest first, each with its number of rows."""
    start, end = _inwards((rows.after, rows.before), HOUR)
    if start and end and start >= end:
        yield from _counted(session, rows)
        return
    if end:
        yield from _counted(session, replace(rows, after=end))
    yield from _summed(session, rows, (start, end), _inwards((start, end), DAY))
    if start:
        yield from _counted(session, replace(rows, before=start))


def _counted(session: Session, rows: RowFilter) -> Iterator[_TimeSegment]:
    """Count the rows of less than two hours one by one."""
    if rows.after and rows.before and rows.after < rows.before:
        count = session.scalar(select(func.count()).select_from(rows.table).where(*rows.conditions()))
        yield _TimeSegment(rows.after, rows.before, count or 0)


def _summed(session: Session, rows: RowFilter, hours: Range, days: Range) -> Iterator[_TimeSegment]:
    """Add up the sums of a range of hours: by day in the range of days, if that is one, else by hour."""
    if days[0] and days[1] and days[0] >= days[1]:
        days = (hours[1], hours[1])
    edges = [edge for edge in ((hours[0], days[0]), (days[1], hours[1])) if edge[0] and edge[1]]
    batch_id = rows.equal.get("batch_id", ANY_BATCH)
    parts = [
        select(Tally.starts_at, Tally.row_count).where(
            Tally.counted == rows.table.__tablename__,
            Tally.span == span,
            *_within(Tally.starts_at, edge),
            *rows.kind(Tally, batch_id=batch_id),
        )
        for span, edge in [("day", days), *[("hour", edge) for edge in edges]]
    ]
    changes = select(TallyChange.starts_at, TallyChange.row_count).where(
        TallyChange.counted == rows.table.__tablename__,
        *_within(TallyChange.starts_at, hours),
        *rows.kind(TallyChange),
    )
    every = union_all(*parts, changes).subquery()
    sums = select(every.c.starts_at, cast(func.sum(every.c.row_count), BigInteger)).group_by(every.c.starts_at)
    counts: Counter[tuple[datetime, timedelta]] = Counter()
    for starts_at, row_count in session.execute(sums):
        in_day = (days[0] is None or days[0] <= starts_at) and (days[1] is None or starts_at < days[1])
        counts[(_floor(starts_at, DAY), DAY) if in_day else (starts_at, HOUR)] += row_count
    for start, length in sorted(counts, reverse=True):
        yield _TimeSegment(start, start + length, counts[start, length])


def _take(session: Session) -> list[Any]:
    """Delete and return some changes that no other process is folding."""
    ids = session.scalars(select(TallyChange.id).limit(FOLDED_AT_ONCE).with_for_update(skip_locked=True)).all()
    names = ("counted", "starts_at", "batch_id", "job_type", "blur_method", "status", *MEASURES)
    table = upserts.table_of(TallyChange)
    return list(session.execute(delete(table).where(table.c.id.in_(ids)).returning(*[table.c[n] for n in names])))


def _add(session: Session, changes: list[Any]) -> None:
    added: defaultdict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for change in changes:
        measures = {name: getattr(change, name) for name in MEASURES}
        kind = (change.job_type, change.blur_method, change.status)
        for batch_id in {ANY_BATCH, change.batch_id or ANY_BATCH}:
            for span, starts_at in (("hour", change.starts_at), ("day", _floor(change.starts_at, DAY))):
                added[change.counted, batch_id, span, starts_at, *kind].update(measures)
    # In one order, so that two of these can't deadlock.
    rows = [dict(zip(KEY, key, strict=True)) | added[key] for key in sorted(added)]
    statement = upserts.insert(session, Tally)
    sums = {name: getattr(Tally, name) + statement.excluded[name] for name in MEASURES}
    session.execute(statement.on_conflict_do_update(index_elements=KEY, set_=sums), rows)


def _delete_empty(session: Session) -> None:
    """Delete some sums that are all zero; row_count alone is too when a deletion is folded before its insertion."""
    empty = select(*_columns(Tally, KEY)).where(*[getattr(Tally, name) == 0 for name in MEASURES])
    keys = [tuple(row) for row in session.execute(empty.limit(1000).with_for_update(skip_locked=True))]
    table = upserts.table_of(Tally)
    session.execute(delete(table).where(tuple_(*[table.c[name] for name in KEY]).in_(keys)))


def _columns(model: type[Tally] | type[TallyChange], names: tuple[str, ...]) -> list[InstrumentedAttribute[Any]]:
    return [getattr(model, name) for name in names]


def _within(column: InstrumentedAttribute[datetime], limits: Range) -> list[ColumnElement[bool]]:
    start, end = limits
    return [*([column >= start] if start else []), *([column < end] if end else [])]


def _inwards(limits: Range, step: timedelta) -> Range:
    """Shrink the limits to whole hours or days of UTC."""
    start, end = limits
    # Rounding down what is turned round rounds up.
    return start and EPOCH - (EPOCH - start) // step * step, end and _floor(end, step)


def _floor(moment: datetime, step: timedelta) -> datetime:
    return EPOCH + (moment - EPOCH) // step * step
