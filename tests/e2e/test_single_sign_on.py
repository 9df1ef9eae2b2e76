"""Logging in at an OpenID Connect provider, in a real browser: from the login page to the page that was asked for."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests import identity_provider
from tests.contract.calls import WEB_ALONE
from tests.e2e.conftest import WITHIN_MS, PageErrors, StartService
from tests.identity_provider import IdentityProvider
from tests.stack import Stack


@pytest.fixture(scope="module")
def provider(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityProvider]:
    """Start a provider; depends on the browser, without which nothing is started."""
    with identity_provider.running(tmp_path_factory.mktemp("provider")) as running:
        yield running


@pytest.fixture(scope="module")
def company(start_service: StartService, provider: IdentityProvider) -> Stack:
    """A service whose people log in at the provider, which is another site."""
    return start_service(programs=WEB_ALONE, **provider.settings())


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def context(
    request: pytest.FixtureRequest, browser: Browser, company: Stack, page_errors: PageErrors
) -> Iterator[BrowserContext]:
    context = browser.new_context(
        base_url=company.url, locale="en", timezone_id="UTC", java_script_enabled=bool(request.param)
    )
    context.set_default_timeout(WITHIN_MS)
    yield context
    context.close()


@pytest.fixture
def visitor(context: BrowserContext, company: Stack, page_errors: PageErrors) -> Page:
    return opened_page(context, company, page_errors)


def opened_page(context: BrowserContext, company: Stack, page_errors: PageErrors) -> Page:
    """Open a page; the provider's own pages are not ours to judge."""
    page = context.new_page()

    def note(message: ConsoleMessage) -> None:
        if company.url in message.location["url"]:
            page_errors.note(message)

    page.on("console", note)
    return page


def approve(page: Page, name: str) -> None:
    """Choose somebody on the provider's page."""
    expect(page).to_have_url(re.compile("^http://localhost:"))
    page.get_by_role("button", name=f"id-of-{name}").click()


def test_log_in_leads_back_to_the_page(visitor: Page, page_errors: PageErrors, company: Stack) -> None:
    visitor.goto("/console/jobs?status=failed")
    visitor.get_by_role("link", name="Log in with Example").click()
    approve(visitor, "lee")
    expect(visitor).to_have_url(f"{company.url}/console/jobs?status=failed")
    expect(visitor.get_by_role("heading", level=1)).to_have_text("Jobs")
    expect(visitor.locator("[data-username]")).to_have_text("lee")
    # An operator: no keys.
    expect(visitor.get_by_role("link", name="API keys")).to_have_count(0)
    visitor.goto("/console/account")
    expect(visitor.get_by_role("row", name="Single sign-on")).to_have_count(1)
    visitor.get_by_role("button", name="Log out").click()
    # The session at the provider ends, too, and leads back.
    expect(visitor).to_have_url(re.compile("^http://localhost:.*end_session"))
    visitor.get_by_role("button", name="End session").click()
    expect(visitor).to_have_title("Log in · Face API")
    visitor.goto("/console/jobs")
    expect(visitor).to_have_title("Log in · Face API")
    assert page_errors.unexpected() == []


def test_who_has_no_role_is_told_so(visitor: Page, page_errors: PageErrors) -> None:
    page_errors.expected = ["403"]
    visitor.goto("/console/login")
    visitor.get_by_role("link", name="Log in with Example").click()
    approve(visitor, "eve")
    expect(visitor.get_by_role("alert")).to_contain_text("Your account has no role here.")
    # The password still opens.
    visitor.get_by_label("Username").fill("admin")
    visitor.get_by_label("Password").fill("correct horse")
    visitor.get_by_role("button", name="Log in").click()
    expect(visitor).to_have_title("Dashboard · Face API")
    assert page_errors.unexpected() == []


def test_session_that_has_ended_goes_on_by_the_provider(
    browser: Browser, company: Stack, page_errors: PageErrors
) -> None:
    page_errors.expected = ["401"]
    context = browser.new_context(base_url=company.url, locale="en", timezone_id="UTC")
    context.set_default_timeout(WITHIN_MS)
    page = opened_page(context, company, page_errors)
    page.goto("/console/keys")
    page.get_by_role("link", name="Log in with Example").click()
    approve(page, "kim")
    expect(page).to_have_url(f"{company.url}/console/keys")
    context.clear_cookies()
    page.get_by_placeholder("Name of the new key").fill("a desk")
    page.get_by_role("button", name="Create", exact=True).click()
    again = page.get_by_role("dialog", name="session has ended")
    with context.expect_page() as opened:
        again.get_by_role("link", name="Log in with Example").click()
    approve(opened.value, "kim")
    expect(opened.value.get_by_role("main")).to_contain_text("Close this tab")
    # What was typed is still there, and was sent.
    expect(page.get_by_role("dialog", name="session has ended")).to_have_count(0)
    expect(page.get_by_role("dialog")).to_contain_text("xyl_")
    context.close()
    assert page_errors.unexpected() == []
