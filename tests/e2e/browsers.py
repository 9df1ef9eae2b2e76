"""Debian's Chromium, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, FilePayload, Page, sync_playwright

# No background requests, no first-run pages; Chromium's sandbox can't be used by root.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def executable() -> str | None:
    """Return the path of Chromium, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def launched() -> Iterator[Browser]:
    """Start a headless Chromium, closed at the end of the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), headless=True, args=list(ARGUMENTS))
        yield browser
        browser.close()


def log_in(page: Page, url: str, password: str) -> None:
    """Submit the login form and wait for the dashboard."""
    page.goto(f"{url}/console/login")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{url}/console/")


def payload(name: str, data: bytes) -> FilePayload:
    """Return a JPEG as a field for files takes it."""
    return {"name": name, "mimeType": "image/jpeg", "buffer": data}
