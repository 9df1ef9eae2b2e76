"""A filled service, and a browser that looks at it. Whatever a page complains about fails the test."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from core.records.rows import StoredJob
from tests.contract.admin import COOKIE, cookie
from tests.e2e import browsers, seeds
from tests.stack import Stack

StartService = Callable[..., Stack]
OpenContext = Callable[..., BrowserContext]


@dataclass
class Site:
    """The service and what was put there. jobs: the made-up ones of a busy month."""

    service: Stack
    jobs: list[StoredJob]

    @property
    def url(self) -> str:
        return self.service.url


@dataclass
class Complaints:
    """What the browser said against a page. expected: parts of what a test causes on purpose."""

    said: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        """Hear the page's mistakes, and what its policy has stopped."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))

    def unexpected(self) -> list[str]:
        return [text for text in self.said if not any(part in text for part in self.expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.said.append(f"{message.type}: {message.text}")


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
def site(browser: Browser, start_service: StartService) -> Site:
    """Start a service and fill it; asked for after the browser, without which nothing is started."""
    service = start_service()
    jobs = seeds.busy_month(service)
    seeds.gallery(service)
    return Site(service, jobs)


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def open_context(browser: Browser, site: Site, complaints: Complaints) -> Iterator[OpenContext]:
    """Open windows without a session; they are closed, and judged, at the end of the test."""
    opened: list[BrowserContext] = []

    def open_one(**options: Any) -> BrowserContext:
        context = browser.new_context(base_url=site.url, **{"locale": "en", "timezone_id": "UTC"} | options)
        context.set_default_timeout(20_000)
        context.on("page", complaints.listen)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()
    assert complaints.unexpected() == []


@pytest.fixture
def visitor(open_context: OpenContext) -> Page:
    """Open a page without a session."""
    return open_context().new_page()


@pytest.fixture
def page(open_context: OpenContext, site: Site) -> Page:
    """Open a page with a session."""
    context = open_context()
    enter(context, site)
    return context.new_page()


def enter(context: BrowserContext, site: Site) -> str:
    """Give a window a session of its own; return its cookie."""
    token = cookie(site.service)[COOKIE]
    context.add_cookies([{"name": COOKIE, "value": token, "url": site.url, "httpOnly": True, "sameSite": "Strict"}])
    return token
