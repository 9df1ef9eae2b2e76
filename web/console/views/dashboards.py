"""The dashboard: health of the service's parts, and usage statistics."""

import json
from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, Response, request

from core.records import job_lists, records, reviews, statistics, timelines
from core.records.records import JobFilter
from core.records.rows import StoredJob
from core.records.statistics import Latencies, UsageStatistics
from core.records.timelines import Span
from web import current
from web.auth import guards
from web.console import charts, pages, status_cards, texts
from web.console.charts import Chart
from web.console.texts import Translator

RECENT_FAILURES = 5
# How many hours or days the chart shows, and the number of bars between two labels below it.
SPANS: dict[Span, tuple[int, int]] = {"hour": (48, 8), "day": (30, 5)}

dashboard = Blueprint("dashboard", __name__)


@dataclass(frozen=True)
class DashboardData:
    """What the database says about the work done so far."""

    stats: UsageStatistics
    latencies: Latencies
    chart: Chart
    failures: list[StoredJob]
    codes: dict[UUID, str]
    failed: int
    to_review: int


@dashboard.get("/")
@guards.page("viewer")
def show() -> Response:
    """Show the dashboard; without storage there are no statistics, and the page says how to get them."""
    span: Span = "day" if request.args.get("span") == "day" else "hour"
    data = _load(span) if current.services().settings.keeps_pictures else None
    load = current.state().load_monitor.last()
    cards = status_cards.cards(Translator(texts.language()), load, asked=False)
    return pages.render("dashboard.html", cards=cards, data=data, span=span, spans=SPANS)


@dashboard.get("/live.json")
@guards.admin("viewer")
def get_live() -> Response:
    """Return the current status cards as JSON, for an open dashboard."""
    cards = status_cards.cards(Translator(texts.language()), current.state().load_monitor.now(), asked=True)
    return Response(json.dumps({"cards": status_cards.as_json(cards)}), mimetype="application/json")


def _load(span: Span) -> DashboardData:
    count, tick_every = SPANS[span]
    with current.session() as session:
        failed = records.page_jobs(session, 1, RECENT_FAILURES, JobFilter(statuses=("failed",)))
        return DashboardData(
            statistics.read(session),
            statistics.latencies(session),
            charts.draw(timelines.latest(session, span, count), tick_every),
            failed.items,
            job_lists.error_codes(session, failed.items),
            failed.total,
            reviews.page(session, 1, 1).total,
        )
