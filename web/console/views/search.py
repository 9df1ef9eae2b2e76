"""The search field: batches, images and jobs by name or id."""

from typing import Annotated

from flask import Blueprint, redirect, url_for
from pydantic import Field
from werkzeug.wrappers import Response as BaseResponse

from core.batches import searches
from core.batches.searches import SearchResults
from core.contract.models import FrozenModel
from web import current
from web.auth import guards
from web.console import pages, pagination

RESULTS = 12  # of each kind

search = Blueprint("search", __name__)


class SearchQuery(FrozenModel):
    q: Annotated[str, Field(max_length=255)] = ""


@search.get("/search")
@guards.page("viewer", "storage")
def show() -> BaseResponse:
    """Show what is called so; a whole id leads to what it is of."""
    text = pagination.read_query(SearchQuery).q.strip()
    with current.session() as session:
        found = searches.find(session, text, RESULTS) if text else SearchResults()
    targets = [
        *(url_for("console.batches.show", batch_id=batch.id) for batch in found.batches),
        *(url_for("console.images.show", image_id=one.image.id) for one in found.images),
        *(url_for("console.jobs.show", job_id=job.id) for job in found.jobs),
    ]
    if len(targets) == 1 and len(text) == searches.ID_LENGTH:
        return redirect(targets[0])
    return pages.render("search.html", text=text, found=found)
