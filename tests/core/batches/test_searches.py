"""What the search field finds."""

import uuid

from sqlalchemy.orm import Session

from core.batches import lifecycle, searches
from core.batches.lifecycle import NewBatch
from core.contract.options import ResolvedMaskOptions
from tests.core import rows


def test_names_and_ids_are_found(session: Session) -> None:
    batch, _ = lifecycle.create(session, NewBatch("Harbour 100%", ResolvedMaskOptions()))
    other, _ = lifecycle.create(session, NewBatch("Harbour 1000", ResolvedMaskOptions()))
    image = rows.image(id=uuid.UUID("abcdef12" + "0" * 24), filename="HARBOUR.jpg")
    job = rows.detect_job(image)
    rows.save_result(session, image, job)
    session.commit()
    found = searches.find(session, "harbour", 1)
    assert ([one.name for one in found.batches], found.more_images) == (["Harbour 1000"], 0)
    assert [one.image.id for one in found.images] == [image.id]
    assert [one.id for one in searches.find(session, "100%", 5).batches] == [batch.id]
    assert [one.image.id for one in searches.find(session, "ABCDEF12", 5).images] == [image.id]
    for text in (str(job.id), str(job.id)[:8]):
        assert [one.id for one in searches.find(session, text, 5).jobs] == [job.id]
    assert [one.id for one in searches.find(session, str(other.id), 5).batches] == [other.id]
    assert searches.find(session, "no such thing", 5) == searches.SearchResults()
