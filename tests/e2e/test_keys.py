"""The properties of a key: set, changed and rotated in the console."""

import requests
from playwright.sync_api import Page, expect

from tests.contract.calls import post
from tests.e2e.conftest import PageErrors, Site


def shown_key(page: Page) -> str:
    """Copy the text of a new key, and close its dialog."""
    dialog = page.get_by_role("dialog", name="Your new API key")
    text = dialog.locator("code").inner_text()
    with page.expect_navigation():
        dialog.get_by_role("button", name="I have copied it").click()
    return text


def test_key_has_the_properties_that_were_chosen(page: Page, site: Site, page_errors: PageErrors) -> None:
    page_errors.expected = ["422"]
    page.goto("/console/keys")
    page.get_by_placeholder("Name of the new key").fill("the archive")
    page.get_by_role("button", name="With options").click()
    dialog = page.get_by_role("dialog", name="New key")
    expect(dialog.get_by_label("Name")).to_have_value("the archive")
    for scope in ("detect", "mask", "batch"):
        dialog.get_by_label(scope, exact=False).first.click()
    dialog.get_by_label("Ends at").fill("2036-05-06T07:08")
    dialog.get_by_label("Allowed networks").fill("nowhere")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("192.0.2.0/24")
    dialog.get_by_label("Allowed networks").fill("127.0.0.0/8, 192.0.2.0/24")
    dialog.get_by_role("button", name="Save").click()
    text = shown_key(page)
    row = page.get_by_role("row", name="the archive")
    for shown in ("Active", "batch", "127.0.0.0/8, 192.0.2.0/24", "2036"):
        expect(row).to_contain_text(shown)
    expect(row).not_to_contain_text("detect")
    listed = requests.get(f"{site.service.url}/api/v1/admin/batches", headers={"X-API-Key": text}, timeout=30)
    assert listed.status_code == 200 and listed.json()["total"] == 0
    assert post(site.service, "/api/v1/detect", key=text).status_code == 403


def test_key_is_changed_and_rotated(page: Page, site: Site) -> None:
    page.goto("/console/keys")
    page.get_by_placeholder("Name of the new key").fill("the gate")
    page.get_by_role("button", name="Create", exact=True).click()
    text = shown_key(page)
    row = page.get_by_role("row", name="the gate")
    row.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog", name="Edit key")
    dialog.get_by_label("Detect calls").fill("1/minute")
    with page.expect_navigation():
        dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("detect 1/minute")
    assert [post(site.service, "/api/v1/detect", key=text).status_code for _ in range(2)] == [422, 429]
    row.get_by_role("button", name="Rotate").click()
    dialog = page.get_by_role("dialog", name="Rotate this key?")
    dialog.get_by_label("The old key is accepted for").select_option("no longer")
    dialog.get_by_role("button", name="Rotate").click()
    assert shown_key(page) != text
    rows = page.get_by_role("row", name="the gate")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("Expired")
    expect(rows.nth(1)).to_contain_text("rotated")
    assert post(site.service, "/api/v1/detect", key=text).status_code == 403
