# Made by `python -m tests.clients.generated` from asynchronous/deliveries.py: change it there.
"""Calls about what batches and videos told their webhooks."""

from face_api_client import responses
from face_api_client.synchronous.transport import Calls
from face_api_client.batches import Page
from face_api_client.deliveries import Delivery

BATCHES, VIDEOS = "/api/v1/admin/batches", "/api/v1/videos"


class DeliveryCalls(Calls):
    def list_batch_deliveries(self, batch_id: str, *, page: int = 1, per_page: int = 20) -> Page[Delivery]:
        """Return a page of the messages to a batch's webhook, newest first."""
        return self._listed(f"{BATCHES}/{batch_id}", page, per_page)

    def redeliver_batch_delivery(self, batch_id: str, delivery_id: str) -> Delivery:
        """Deliver a message again that was delivered or given up; a pending one stays as it is."""
        return self._again(f"{BATCHES}/{batch_id}", delivery_id)

    def list_video_deliveries(self, video_id: str, *, page: int = 1, per_page: int = 20) -> Page[Delivery]:
        """Return a page of the messages to a video's webhook, newest first."""
        return self._listed(f"{VIDEOS}/{video_id}", page, per_page)

    def redeliver_video_delivery(self, video_id: str, delivery_id: str) -> Delivery:
        """Deliver a message again that was delivered or given up; a pending one stays as it is."""
        return self._again(f"{VIDEOS}/{video_id}", delivery_id)

    def _listed(self, owner: str, page: int, per_page: int) -> Page[Delivery]:
        response = self._transport.get(f"{owner}/deliveries", page=page, per_page=per_page)
        return responses.decode_page(Delivery, response)

    def _again(self, owner: str, delivery_id: str) -> Delivery:
        # The receiver knows it by its `webhook-id`, should it get it twice.
        response = self._transport.post(f"{owner}/deliveries/{delivery_id}/redeliver")
        return responses.decode(Delivery, response)
