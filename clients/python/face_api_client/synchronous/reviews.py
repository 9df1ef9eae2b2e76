# Made by `python -m tests.clients.generated` from asynchronous/reviews.py: change it there.
"""Calls about reviews: what a person decides about faces that were found. Needs a key with the scope `admin`."""

from typing import Any

from face_api_client import responses
from face_api_client.synchronous.transport import Calls
from face_api_client.batches import Page
from face_api_client.records import JobDetail
from face_api_client.reviews import MaskEdit, Verdict

ADMIN = "/api/v1/admin"


class ReviewCalls(Calls):
    def list_reviews(self, batch_id: str | None = None, *, page: int = 1, per_page: int = 20) -> Page[JobDetail]:
        """Return a page of the jobs with a doubtful face that nobody has reviewed, newest first."""
        query = {"batch_id": batch_id, "page": page, "per_page": per_page}
        return responses.decode_page(JobDetail, self._transport.get(f"{ADMIN}/reviews", **query))

    def review_job(self, job_id: str, verdict: Verdict = "accepted") -> JobDetail:
        """Say that the faces of a job are right as they are, or take that back."""
        response = self._transport.post(f"{ADMIN}/jobs/{job_id}/review", {"verdict": verdict})
        return responses.decode(JobDetail, response)

    def mask_image_manually(self, image_id: str, edit: MaskEdit) -> JobDetail:
        """Mask a stored image again, without faces that are none and with those that were missed; return the new job.

        Nothing is searched for: only you check the result. Its `uncovered_faces` were found, and are visible now.
        """
        return self._new_job(f"images/{image_id}/mask", edit.body())

    def undo_job(self, job_id: str) -> JobDetail:
        """Take back a manual mask; return the new job, which has the result from before."""
        return self._new_job(f"jobs/{job_id}/undo")

    def _new_job(self, path: str, body: Any = None) -> JobDetail:
        # Each call makes another job: this is not asked again that may have been heard.
        response = self._transport.send(
            lambda: self._transport.http.post(f"{ADMIN}/{path}", json=body), is_repeatable=False
        )
        return responses.decode(JobDetail, response)
