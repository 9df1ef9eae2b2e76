"""Administrators, their roles and their own accounts, in the console."""

import pyotp
import pytest
from playwright.sync_api import Page, expect

from core.contract.roles import Role
from tests.contract.admin import account
from tests.e2e.conftest import OpenContext, PageErrors, Site

PASSWORD = "staple battery"


@pytest.fixture
def someone(open_context: OpenContext, site: Site) -> Page:
    """A browser of somebody else than the administrator of the settings."""
    return open_context().new_page()


def enter(page: Page, name: str, password: str = PASSWORD) -> None:
    page.goto("/console/login")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    with page.expect_navigation():
        page.get_by_role("button", name="Log in").click()


def code(page: Page, secret: str) -> None:
    page.get_by_role("textbox", name="Code").fill(pyotp.TOTP(secret).now())


def test_owner_makes_an_administrator(page: Page, someone: Page, page_errors: PageErrors) -> None:
    page_errors.expected = ["422"]
    page.goto("/console/administrators")
    expect(page.get_by_role("row", name="admin").first).to_contain_text("From the settings")
    page.get_by_role("button", name="Create").click()
    dialog = page.get_by_role("dialog", name="New administrator")
    dialog.get_by_label("Name").fill("Admin")
    dialog.get_by_label("Role").select_option("Operator")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_label("The same again").fill("staple batteries")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_contain_text("differ")
    dialog.get_by_label("The same again").fill(PASSWORD)
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_contain_text("has this name already")
    dialog.get_by_label("Name").fill("Kim of the desk")
    with page.expect_navigation():
        dialog.get_by_role("button", name="Create").click()
    row = page.get_by_role("region", name="Administrators").get_by_role("row", name="Kim of the desk")
    expect(row.get_by_label("Role of Kim of the desk")).to_have_value("operator")
    enter(someone, "kim of the desk")
    expect(someone.get_by_role("navigation", name="Pages")).to_contain_text("Review")
    with page.expect_navigation():
        row.get_by_label("Role of Kim of the desk").select_option("Viewer")
    someone.goto("/console/")
    expect(someone.get_by_role("navigation", name="Pages")).not_to_contain_text("Review")
    row.get_by_role("button", name="Disable").click()
    with page.expect_navigation():
        page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(row).to_contain_text("Disabled")
    someone.goto("/console/jobs")
    expect(someone).to_have_url("/console/login?next=/console/jobs")
    row.get_by_role("button", name="Delete").click()
    with page.expect_navigation():
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("row", name="Kim of the desk")).to_have_count(0)


def test_owner_ends_the_session_of_somebody_else(page: Page, someone: Page, site: Site) -> None:
    account(site.service, "Nam", PASSWORD)
    enter(someone, "Nam")
    page.goto("/console/administrators")
    sessions = page.get_by_role("region", name="Open sessions")
    expect(sessions.get_by_role("row").filter(has_text="This one").get_by_role("button")).to_have_count(0)
    row = sessions.get_by_role("row", name="Nam Operator")
    expect(row).to_contain_text("Chrome, Linux")
    row.get_by_role("button", name="End").click()
    with page.expect_navigation():
        page.get_by_role("dialog").get_by_role("button", name="End").click()
    expect(page.get_by_text("Ended.")).to_be_visible()
    expect(row).to_have_count(0)
    someone.goto("/console/jobs")
    expect(someone).to_have_url("/console/login?next=/console/jobs")


def test_viewer_is_shown_results_alone(someone: Page, site: Site, page_errors: PageErrors) -> None:
    page_errors.expected = ["403"]
    account(site.service, "the viewer", PASSWORD, Role.VIEWER)
    enter(someone, "the viewer")
    someone.goto("/console/images")
    expect(someone.get_by_alt_text("Masked").first).to_be_visible()
    expect(someone.get_by_alt_text("Original")).to_have_count(0)
    with someone.expect_navigation():
        someone.locator(".picture a").first.click()
    expect(someone.get_by_text("Your role sees results only")).to_be_visible()
    expect(someone.get_by_alt_text("Original")).to_have_count(0)
    expect(someone.get_by_role("button", name="Delete")).to_have_count(0)
    someone.goto("/console/keys")
    expect(someone.get_by_role("alert")).to_contain_text("Your role may not do this")


def test_codes_are_switched_on_and_asked_for(someone: Page, site: Site, page_errors: PageErrors) -> None:
    page_errors.expected = ["401", "422"]
    account(site.service, "Lee", PASSWORD)
    enter(someone, "Lee")
    with someone.expect_navigation():
        someone.get_by_role("link", name="Lee").click()
    someone.get_by_role("button", name="Use codes").click()
    dialog = someone.get_by_role("dialog", name="Use codes")
    dialog.get_by_label("Current password").fill("wrong password")
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog.get_by_role("alert")).to_contain_text("not your password")
    dialog.get_by_label("Current password").fill(PASSWORD)
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog.get_by_alt_text("QR code")).to_be_visible()
    secret = dialog.locator("[data-secret]").inner_text()
    code(someone, secret)
    dialog.get_by_role("button", name="Confirm").click()
    expect(dialog.locator("[data-codes]")).not_to_be_empty()
    recovery = dialog.locator("[data-codes]").inner_text().split()
    assert len(recovery) == 10
    with someone.expect_navigation():
        dialog.get_by_role("button", name="I have kept them").click()
    expect(someone.locator("main")).to_contain_text("10 recovery codes are left")
    with someone.expect_navigation():
        someone.get_by_role("button", name="Log out").click()
    enter(someone, "Lee")
    someone.get_by_role("textbox", name="Code").fill("000000x")
    with someone.expect_navigation():
        someone.get_by_role("button", name="Log in").click()
    expect(someone.get_by_role("alert")).to_contain_text("The code is wrong")
    someone.get_by_role("textbox", name="Code").fill(recovery[0])
    with someone.expect_navigation():
        someone.get_by_role("button", name="Log in").click()
    someone.goto("/console/account")
    expect(someone.locator("main")).to_contain_text("9 recovery codes are left")
    # The session has ended: the dialog on the page asks for a code as well.
    someone.context.clear_cookies()
    someone.get_by_role("button", name="Use no codes").click()
    off = someone.get_by_role("dialog", name="Use no codes")
    off.get_by_label("Current password").fill(PASSWORD)
    off.get_by_role("button", name="Use no codes").click()
    again = someone.get_by_role("dialog", name="session has ended")
    again.get_by_label("Password").fill(PASSWORD)
    again.get_by_role("button", name="Log in").click()
    again.get_by_role("textbox", name="Code").fill(recovery[1])
    with someone.expect_navigation():
        again.get_by_role("button", name="Log in").click()
    expect(someone.get_by_role("button", name="Use codes")).to_be_visible()


def test_own_sessions_are_ended(someone: Page, open_context: OpenContext, site: Site) -> None:
    account(site.service, "Park", PASSWORD)
    other = open_context().new_page()
    for page in (someone, other):
        enter(page, "Park")
    someone.goto("/console/account")
    rows = someone.get_by_role("row", name="Chrome, Linux")
    expect(rows).to_have_count(2)
    expect(someone.get_by_text("This one")).to_have_count(1)
    someone.get_by_role("button", name="End all others").click()
    with someone.expect_navigation():
        someone.get_by_role("dialog").get_by_role("button", name="End all others").click()
    expect(rows).to_have_count(1)
    other.goto("/console/account")
    expect(other).to_have_url("/console/login?next=/console/account")


def test_own_password_is_changed(someone: Page, site: Site) -> None:
    account(site.service, "Choi", PASSWORD)
    enter(someone, "Choi")
    someone.goto("/console/account")
    someone.get_by_role("button", name="Change password").click()
    dialog = someone.get_by_role("dialog", name="Change password")
    dialog.get_by_label("Current password").fill(PASSWORD)
    dialog.get_by_label("New password").fill("another staple")
    dialog.get_by_label("The same again").fill("another staple")
    with someone.expect_navigation():
        dialog.get_by_role("button", name="Save").click()
    expect(someone.get_by_text("Password changed.")).to_be_visible()
    expect(someone.get_by_role("row", name="This one")).to_have_count(1)
