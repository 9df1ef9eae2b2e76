"""The first page: how the service stands and what it has done."""

import json
from dataclasses import dataclass

from flask import Blueprint, Response, request

from core.records import records, reviews, statistics, timelines
from core.records.records import JobFilter
from core.records.rows import StoredJob
from core.records.statistics import Latencies, UsageStatistics
from core.records.timelines import Span
from web import current
from web.auth import guards
from web.console import charts, pages, status_cards, texts
from web.console.charts import Chart
from web.console.texts import Translator

FAILURES = 5
# How many hours or days are shown, and how many of them there are between two names below the chart.
SPANS: dict[Span, tuple[int, int]] = {"hour": (48, 8), "day": (30, 5)}

dashboard = Blueprint("dashboard", __name__)


@dataclass(frozen=True)
class Numbers:
    """What was done so far."""

    stats: UsageStatistics
    latencies: Latencies
    chart: Chart
    failures: list[StoredJob]
    failed: int
    to_review: int


@dashboard.get("/")
@guards.page()
def show() -> Response:
    """Show how everything stands; without storage there are no numbers to show, which is said."""
    told = request.args.get("span", "")
    span: Span = "day" if told == "day" else "hour"
    numbers = _numbers(span) if current.services().settings.keeps_pictures else None
    load = current.state().load_monitor.last()
    cards = status_cards.cards(Translator(texts.language()), load, asked=False)
    return pages.render("dashboard.html", cards=cards, numbers=numbers, span=span, spans=SPANS)


@dashboard.get("/live.json")
@guards.admin()
def get_live() -> Response:
    """Tell how everything stands now, for the cards of a page that is open."""
    cards = status_cards.cards(Translator(texts.language()), current.state().load_monitor.now(), asked=True)
    return Response(json.dumps({"cards": status_cards.as_json(cards)}), mimetype="application/json")


def _numbers(span: Span) -> Numbers:
    count, tick_every = SPANS[span]
    with current.session() as session:
        failed = records.page_jobs(session, 1, FAILURES, JobFilter(status="failed"))
        return Numbers(
            statistics.read(session),
            statistics.latencies(session),
            charts.draw(timelines.latest(session, span, count), tick_every),
            failed.items,
            failed.total,
            reviews.page(session, 1, 1).total,
        )
