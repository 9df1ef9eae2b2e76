"""How many jobs there were in each of the last hours or days: read from the tallies, so as quick with a million."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import BigInteger, cast, func, select, union_all
from sqlalchemy.orm import Session

from core.contract.states import JobStatus
from core.database.clock import now
from core.database.models import ANY_BATCH, ProcessingJob, Tally, TallyChange

Span = Literal["hour", "day"]
LENGTHS: dict[Span, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
NAMES = ("starts_at", "job_type", "status", "row_count", "faces")


@dataclass(frozen=True)
class TimeBucket:
    """One hour or day of UTC. done: the jobs that neither failed nor were cancelled, by type."""

    starts_at: datetime
    done: dict[str, int]
    failed: int
    faces: int
    cancelled: int = 0

    @property
    def jobs(self) -> int:
        return sum(self.done.values()) + self.failed + self.cancelled


def latest(session: Session, span: Span, count: int) -> list[TimeBucket]:
    """Return the last `count` hours or days, the oldest first, the one that has just begun last; none is left out."""
    length = LENGTHS[span]
    newest = _floor(now(), span)
    first = newest - (count - 1) * length
    done: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
    ended: dict[str, Counter[datetime]] = {JobStatus.FAILED: Counter(), JobStatus.CANCELLED: Counter()}
    faces: Counter[datetime] = Counter()
    for row in session.execute(_sums(span, first)):
        starts_at = _floor(row.starts_at, span)
        faces[starts_at] += row.faces
        if row.status in ended:
            ended[row.status][starts_at] += row.row_count
        else:
            done[starts_at][row.job_type] += row.row_count
    moments = [first + number * length for number in range(count)]
    failed, cancelled = ended[JobStatus.FAILED], ended[JobStatus.CANCELLED]
    return [
        TimeBucket(moment, dict(+done[moment]), failed[moment], faces[moment], cancelled[moment]) for moment in moments
    ]


def _sums(span: Span, first: datetime) -> Any:
    jobs = ProcessingJob.__tablename__
    folded = select(*[getattr(Tally, name) for name in NAMES]).where(
        Tally.counted == jobs, Tally.batch_id == ANY_BATCH, Tally.span == span, Tally.starts_at >= first
    )
    changes = select(*[getattr(TallyChange, name) for name in NAMES]).where(
        TallyChange.counted == jobs, TallyChange.starts_at >= first
    )
    every = union_all(folded, changes).subquery()
    groups = [every.c.starts_at, every.c.job_type, every.c.status]
    sums = [cast(func.sum(every.c[name]), BigInteger).label(name) for name in ("row_count", "faces")]
    return select(*groups, *sums).group_by(*groups)


def _floor(moment: datetime, span: Span) -> datetime:
    whole = moment.replace(minute=0, second=0, microsecond=0)
    return whole.replace(hour=0) if span == "day" else whole
