"""Logging in and out, in a real browser."""

import re

import pytest
import requests
from playwright.sync_api import Page, expect

from core.access import lockouts
from tests.contract.admin import ADMIN, COOKIE
from tests.e2e import browsers, seeds
from tests.e2e.conftest import OpenContext, PageErrors, Site, add_session

ELSEWHERE = "http://elsewhere.example"


def fill(page: Page, password: str) -> None:
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(password)
    with page.expect_navigation():  # else what is typed next would go with the page that is left
        page.get_by_role("button", name="Log in").click()


def cookie_of(page: Page) -> str:
    return next(one["value"] for one in page.context.cookies() if one["name"] == COOKIE)


def test_login_redirects_to_the_requested_page(visitor: Page) -> None:
    visitor.goto("/console/jobs?status=failed")
    expect(visitor).to_have_title("Log in · Face API")
    fill(visitor, "correct horse")
    expect(visitor).to_have_url(re.compile(r"/console/jobs\?status=failed$"))
    expect(visitor.get_by_label("Status")).to_have_value("failed")


def test_wrong_password_is_shown(visitor: Page, page_errors: PageErrors) -> None:
    page_errors.expected = ["401"]
    visitor.goto("/console/login")
    fill(visitor, "wrong horse")
    expect(visitor.get_by_role("alert")).to_contain_text("Incorrect username or password.")
    expect(visitor.get_by_label("Username")).to_have_value("admin")
    expect(visitor.get_by_label("Password")).to_be_focused()
    fill(visitor, "correct horse")
    expect(visitor).to_have_title("Dashboard · Face API")


def test_lockout_is_shown(visitor: Page, site: Site, page_errors: PageErrors) -> None:
    page_errors.expected = ["401", "429"]
    visitor.goto("/console/login")
    for _ in range(lockouts.MAX_FAILURES):
        fill(visitor, "wrong horse")
        expect(visitor.get_by_role("alert")).to_contain_text("Incorrect")
    fill(visitor, "correct horse")
    expect(visitor.get_by_role("alert")).to_contain_text("Try again in 15 minutes.")
    # The tests that follow come from the same address.
    site.service.services.redis.delete(lockouts.NAMESPACE + "127.0.0.1")
    fill(visitor, "correct horse")
    expect(visitor).to_have_title("Dashboard · Face API")


def test_login_works_without_scripts(open_context: OpenContext, site: Site) -> None:
    page = open_context(java_script_enabled=False).new_page()
    browsers.log_in(page, site.url, "correct horse")
    page.get_by_role("link", name="Jobs", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_title("Log in · Face API")


def test_logout_really_ends_the_session(page: Page, site: Site) -> None:
    page.goto("/console/")
    session = {COOKIE: cookie_of(page)}
    assert requests.get(f"{site.url}{ADMIN}/stats", cookies=session, timeout=30).status_code == 200
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_title("Log in · Face API")
    assert not [one for one in page.context.cookies() if one["name"] == COOKIE]
    # A copy of the cookie is invalid.
    assert requests.get(f"{site.url}{ADMIN}/stats", cookies=session, timeout=30).status_code == 401
    replayed = requests.get(f"{site.url}/console/jobs", cookies=session, timeout=30, allow_redirects=False)
    assert replayed.headers["Location"].startswith("/console/login")
    page.go_back()
    expect(page).to_have_title("Log in · Face API")


def end_sessions(site: Site) -> None:
    for key in site.service.services.redis.scan_iter("face-api:session:*"):
        site.service.services.redis.delete(key)


def test_expired_session_leads_to_the_login_and_back(visitor: Page, site: Site) -> None:
    page = visitor
    browsers.log_in(page, site.url, "correct horse")
    page.goto("/console/keys")  # which asks for nothing by itself: the dashboard would notice first
    end_sessions(site)
    page.get_by_role("link", name="Jobs", exact=True).first.click()
    expect(page).to_have_title("Log in · Face API")
    expect(page.get_by_role("status").first).to_contain_text("Your session has ended.")
    fill(page, "correct horse")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_title("Log in · Face API")
    expect(page.get_by_text("Your session has ended.")).to_have_count(0)


def test_what_was_typed_outlives_the_session(page: Page, site: Site, page_errors: PageErrors) -> None:
    page_errors.expected = ["401"]
    page.goto("/console/keys")
    end_sessions(site)
    page.get_by_placeholder("Name of the new key").fill("just in time")
    page.get_by_role("button", name="Create").click()
    dialog = page.get_by_role("dialog", name="Your session has ended")
    expect(dialog.get_by_label("Username")).to_have_value("admin")
    expect(dialog.get_by_label("Password")).to_be_focused()
    dialog.get_by_label("Password").fill("wrong horse")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text("Incorrect username or password.")
    dialog.get_by_label("Password").fill("correct horse")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Your new API key")).to_be_visible()
    page.get_by_role("button", name="I have copied it").click()
    expect(page.get_by_role("row", name="just in time")).to_be_visible()


def test_chosen_files_outlive_the_session(page: Page, site: Site, page_errors: PageErrors) -> None:
    page_errors.expected = ["401"]
    page.goto("/console/batches/new")
    page.get_by_label("Name").fill("Begun before")
    page.get_by_label("Choose images").set_input_files([browsers.payload("a.jpg", seeds.portrait())])
    end_sessions(site)
    page.get_by_role("button", name="Start batch").click()
    dialog = page.get_by_role("dialog", name="Your session has ended")
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("Your session has ended")
    expect(page.get_by_text("1 file,")).to_be_visible()
    page.get_by_role("button", name="Start batch").click()
    dialog.get_by_label("Password").fill("correct horse")
    dialog.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Begun before")


@pytest.mark.parametrize("path", ["/console/logout", f"{ADMIN}/api-keys"])
def test_cross_site_requests_are_refused(page: Page, site: Site, page_errors: PageErrors, path: str) -> None:
    page_errors.expected = ["403", "CORS", "net::ERR_FAILED"]
    before = add_session(page.context, site)
    form = f'<form method="post" action="{site.url}{path}"><input name="name" value="x"><button>Win</button></form>'
    page.context.route(f"{ELSEWHERE}/**", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto(f"{ELSEWHERE}/prize")
    with page.expect_response(site.url + path) as refused:
        page.get_by_role("button", name="Win").click()
    assert refused.value.status == 403
    page.goto(f"{ELSEWHERE}/prize")
    call = f"fetch('{site.url}{path}', {{method: 'POST', credentials: 'include'}}).then(() => 'told', () => 'refused')"
    assert page.evaluate(call) == "refused"
    page.goto("/console/")
    expect(page).to_have_title("Dashboard · Face API")
    assert cookie_of(page) == before
