"""Every page: no errors, accessible in light and dark, fits a phone."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.contract.admin import basic, body
from tests.e2e import seeds
from tests.e2e.conftest import OpenContext, PageErrors, Site, add_session

SERIOUS = {"serious", "critical"}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PAGES = {
    "login": "Log in",
    "": "Dashboard",
    "?span=day": "Dashboard",
    "images": "Images",
    "images/{image}": "officer 4.jpg",
    "images/{image}/edit?job={job}": "Mask manually",
    "jobs": "Jobs",
    "jobs?status=failed&order=oldest": "Jobs",
    "jobs?status=queued": "Jobs",
    "jobs?page=999": "Jobs",
    "jobs/{job}": "Job {short}",
    "batches": "Batches",
    "batches/new": "New batch",
    "batches/{batch}": "Little batch",
    "review": "Review",
    "keys": "API keys",
    "administrators": "Administrators",
    "account": "Account",
    "search?q=portrait": "Search",
    "test": "Test",
    "nowhere": "Something went wrong",
}


@pytest.fixture(scope="module")
def names(site: Site) -> Iterator[dict[str, str]]:
    """Create one of everything; return their ids."""
    review = seeds.doubtful(site.service)
    batch = seeds.batch(site.service, "Little batch", 1)
    images = body(basic(site.service, "GET", "/images?per_page=100"))["items"]
    image = next(one["id"] for one in images if one["filename"] == "officer 4.jpg")
    job = body(basic(site.service, "GET", f"/images/{image}"))["jobs"][0]["id"]
    yield {"image": image, "job": job, "short": job[:8], "batch": batch}
    basic(site.service, "DELETE", f"/images/{review.image_id}")


def violations(page: Page) -> list[str]:
    """Return the serious accessibility violations that axe finds."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:160]} {node['failureSummary']}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("path", PAGES)
def test_page_is_error_free_and_accessible(
    open_context: OpenContext, site: Site, names: dict[str, str], page_errors: PageErrors, path: str
) -> None:
    # A picture that a batch could not decode can't be shown either.
    page_errors.expected = {"nowhere": ["404"], "images": ["422"]}.get(path, [])
    context = open_context()
    if path != "login":
        add_session(context, site)
    page = context.new_page()
    page.goto("/console/" + path.format(**names))
    page.wait_for_load_state("networkidle")
    assert page.title() == PAGES[path].format(**names) + " · Face API"
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    page.wait_for_function("[...document.images].every((one) => !one.currentSrc || one.naturalWidth)")
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page) == []
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_skip_link_leads_to_the_content(page: Page) -> None:
    page.goto("/console/jobs")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_language_and_theme_are_remembered(page: Page) -> None:
    page.goto("/console/keys")
    page.get_by_role("button", name="Dark").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="한국어").click()
    expect(page).to_have_title("API 키 · Face API")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="밝게").click()
    expect(page.locator("body")).not_to_have_css("background-color", dark)


def test_times_are_in_the_viewers_zone(open_context: OpenContext, site: Site) -> None:
    shown = {}
    for zone in ("UTC", "Asia/Seoul"):
        context = open_context(timezone_id=zone)
        add_session(context, site)
        page = context.new_page()
        page.goto("/console/jobs?status=failed")
        time = page.locator("time").first
        shown[zone] = time.inner_text()
        styles = "{dateStyle: 'medium', timeStyle: 'medium'}"
        expected = page.evaluate(
            f"(moment) => new Intl.DateTimeFormat('en', {styles}).format(new Date(moment))",
            time.get_attribute("datetime"),
        )
        assert shown[zone] == expected
    assert shown["UTC"] != shown["Asia/Seoul"]


def test_dashboard_shows_a_stopped_worker(page: Page, site: Site) -> None:
    page.goto("/console/")
    expect(page.locator('[data-card="queue"] [data-detail]')).to_contain_text("1 worker · 1 process")
    site.service.stop_worker()
    try:
        expect(page.locator('[data-card="queue"]')).to_have_attribute("data-state", "down")
    finally:
        site.service.launch("worker")
        site.service.wait_until_ready()
