"""What the console shows while the service can't be reached."""

from playwright.sync_api import Page, expect

from tests.e2e.conftest import PageErrors


def test_dashboard_tells_that_service_is_lost(page: Page, page_errors: PageErrors) -> None:
    page_errors.expected = ["ERR_FAILED"]
    page.goto("/console/")
    lost = page.get_by_role("alert").filter(has_text="The service can't be reached")
    expect(lost).to_be_hidden()
    page.route("**/console/live.json", lambda route: route.abort())
    expect(lost).to_be_visible()
    for card in page.locator("[data-card]").all():
        expect(card).to_have_attribute("data-state", "unknown")
        expect(card).to_contain_text("Not known")
    page.unroute_all()
    expect(lost).to_be_hidden()
    expect(page.locator("[data-card=database]")).to_have_attribute("data-state", "ok")
