"""Messages to webhooks on the page of their batch: what became of them, and one sent again."""

import uuid

from playwright.sync_api import Page, expect

from core.database.models import Batch, WebhookDelivery
from tests.contract.admin import basic, body
from tests.e2e.conftest import Site


def given_up(site: Site) -> str:
    """A completed batch whose message nobody took; return its id."""
    batch = body(basic(site.service, "POST", "/batches", json={"name": "Unheard"}), 201)["id"]
    body(basic(site.service, "POST", f"/batches/{batch}/close"))
    told = {
        "batch_id": uuid.UUID(batch),
        "event": "batch.completed",
        "url": "https://hooks.example.org/",
        "payload": "{}",
    }
    sessions = site.service.services.sessions
    assert sessions is not None
    with sessions() as session:
        session.query(Batch).filter_by(id=uuid.UUID(batch)).update({"webhook_url": "https://hooks.example.org/"})
        ended = {"status": "failed", "attempts": 10, "last_status": 502, "next_attempt_at": None}
        session.add(WebhookDelivery(**told, **ended, last_error="the answer was 502"))
        session.commit()
    return str(batch)


def test_message_is_sent_again_from_the_page(page: Page, site: Site) -> None:
    batch = given_up(site)
    page.goto(f"/console/batches/{batch}")
    row = page.get_by_role("region", name="Webhook deliveries").locator("tbody tr")
    for text in ("batch.completed", "Failed", "10", "the answer was 502"):
        expect(row).to_contain_text(text)
    expect(row).not_to_contain_text("Next")
    with page.expect_navigation():
        row.get_by_role("button", name="Deliver again").click()
    expect(page.get_by_text("The message is sent again.")).to_be_visible()
    expect(row).to_contain_text("Pending")
    expect(row.get_by_role("button")).to_have_count(0)
    (delivery,) = body(basic(site.service, "GET", f"/batches/{batch}/deliveries"))["items"]
    assert (delivery["status"], delivery["attempts"] < 10) == ("pending", True)
    page.goto("/console/audit")
    expect(page.locator("tbody")).to_contain_text("Webhook delivered again")
