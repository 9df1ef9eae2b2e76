"""Lists and batches as an administrator walks through them in the console."""

import uuid

from playwright.sync_api import Page, expect

from tests.contract.admin import basic, body, kept
from tests.e2e.conftest import Site


def new_batch(site: Site, name: str) -> str:
    """Create a batch that is open; return its id."""
    return str(body(basic(site.service, "POST", "/batches", json={"name": name}), 201)["id"])


def test_cancelled_job_is_none_that_failed(page: Page, site: Site) -> None:
    page.goto("/console/")
    failed = page.locator(".totals dd").nth(4)
    before = failed.inner_text()
    batch = uuid.uuid4()
    kept(site.service, batch_id=batch, status="cancelled", error="cancelled", processed_s3_key=None)
    page.reload()
    expect(failed).to_have_text(before)
    expect(page.locator(".legend")).to_contain_text("Cancelled")
    page.goto(f"/console/jobs?status=cancelled&batch_id={batch}")
    expect(page.locator("tbody .pill")).to_have_text("Cancelled")
    colours = "one => getComputedStyle(one).backgroundColor"
    cancelled = page.locator("tbody .pill").evaluate(colours)
    expect(page.locator("tr.reason")).to_have_count(0)
    page.goto("/console/jobs?status=failed")
    assert page.locator("tbody .pill").first.evaluate(colours) != cancelled


def test_cancelling_says_what_becomes_of_the_originals(page: Page, site: Site) -> None:
    page.goto(f"/console/batches/{new_batch(site, 'Called off')}")
    page.get_by_role("button", name="Cancel batch").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("originals of the others stay stored until you delete the batch")
    dialog.get_by_role("button", name="Cancel batch").click()
    expect(page.locator(".head .pill")).to_have_text("Cancelled")


def test_batch_leads_to_its_reviews(page: Page, site: Site) -> None:
    batch = new_batch(site, "With doubts")
    jobs = [kept(site.service, batch_id=uuid.UUID(batch), review_state="pending", detections=[]) for _ in range(2)]
    other = kept(site.service, review_state="pending", detections=[])
    try:
        page.goto("/console/batches")
        expect(page.get_by_role("row", name="With doubts")).to_contain_text("2 to review")
        page.goto(f"/console/batches/{batch}")
        page.get_by_role("link", name="2 to review").click()
        expect(page.get_by_text("1 of 2")).to_be_visible()
        page.keyboard.press("a")
        expect(page.get_by_text("1 of 1")).to_be_visible()
        page.get_by_role("link", name="Images of one batch").click()
        expect(page.get_by_role("link", name="1 to review")).to_be_visible()
    finally:
        for job in (*jobs, other):
            basic(site.service, "DELETE", f"/images/{job.image_id}")
