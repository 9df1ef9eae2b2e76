"""A service with data, and a browser. Any error or warning in a page's console fails the test."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from core.records.rows import StoredJob
from tests.contract.admin import COOKIE, cookie
from tests.e2e import browsers, seeds
from tests.stack import Stack

StartService = Callable[..., Stack]
OpenContext = Callable[..., BrowserContext]
WITHIN_MS = 90_000  # chosen: costs time only where a test fails anyway
expect.set_options(timeout=WITHIN_MS)
# Nothing can be clicked before the scripts of a page have run: Playwright waits, and no click is lost.
NO_CLICKS_YET = """
const none = new CSSStyleSheet();
none.replaceSync("* { pointer-events: none !important }");
document.adoptedStyleSheets = [none];
addEventListener("load", () => { document.adoptedStyleSheets = []; });
"""


@dataclass
class Site:
    """The service and its data. jobs: the generated ones of a busy month."""

    service: Stack
    jobs: list[StoredJob]

    @property
    def url(self) -> str:
        return self.service.url


@dataclass
class PageErrors:
    """Console errors and warnings of pages. expected: substrings of those that a test causes on purpose."""

    messages: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        """Record the page's errors, and violations of its content security policy."""
        page.on("console", self.note)
        page.on("pageerror", lambda error: self.messages.append(f"error: {error}"))

    def unexpected(self) -> list[str]:
        return [text for text in self.messages if not any(part in text for part in self.expected)]

    def note(self, message: ConsoleMessage) -> None:
        """Record a message of a page's console that tells of an error or a warning."""
        if message.type in {"error", "warning"}:
            self.messages.append(f"{message.type}: {message.text}")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Start Chromium; without one the tests are skipped, in CI they fail."""
    if browsers.executable() is None:
        reason = "there is no Chromium: apt-get install chromium"
        if os.environ.get("CI") == "true" or os.environ.get("FACE_API_REQUIRE_WEIGHTS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with browsers.launched() as launched:
        yield launched


@pytest.fixture(scope="package")
def site(browser: Browser, start_shared_service: StartService) -> Site:
    """Start a service and fill it; depends on the browser, without which nothing is started."""
    service = start_shared_service()
    jobs = seeds.busy_month(service)
    seeds.gallery(service)
    return Site(service, jobs)


@pytest.fixture
def page_errors() -> PageErrors:
    return PageErrors()


@pytest.fixture
def open_context(browser: Browser, site: Site, page_errors: PageErrors) -> Iterator[OpenContext]:
    """Open browser contexts without a session; all are checked for errors and closed at the end of the test."""
    opened: list[BrowserContext] = []

    def open_one(**options: Any) -> BrowserContext:
        context = browser.new_context(base_url=site.url, **{"locale": "en", "timezone_id": "UTC"} | options)
        context.set_default_timeout(WITHIN_MS)
        if options.get("java_script_enabled", True):
            context.add_init_script(NO_CLICKS_YET)
        context.on("page", page_errors.listen)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()
    assert page_errors.unexpected() == []


@pytest.fixture
def visitor(open_context: OpenContext) -> Page:
    """Open a page without a session."""
    return open_context().new_page()


@pytest.fixture
def page(open_context: OpenContext, site: Site) -> Page:
    """Open a page with a session."""
    context = open_context()
    add_session(context, site)
    return context.new_page()


def add_session(context: BrowserContext, site: Site) -> str:
    """Give a browser context a session of its own; return its cookie."""
    token = cookie(site.service)[COOKIE]
    context.add_cookies([{"name": COOKIE, "value": token, "url": site.url, "httpOnly": True, "sameSite": "Strict"}])
    return token
