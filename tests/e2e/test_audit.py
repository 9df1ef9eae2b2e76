"""The page of the audit trail: what was done is there, filtered, followed and exported."""

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.contract.admin import basic, body
from tests.e2e.conftest import PageErrors, Site


def test_deed_is_found_and_followed(page: Page, site: Site) -> None:
    key = body(basic(site.service, "POST", "/api-keys", json={"name": "followed"}), 201)["id"]
    body(basic(site.service, "PATCH", f"/api-keys/{key}", json={"name": "renamed"}))
    page.goto("/console/audit")
    rows = page.locator("tbody tr")
    expect(rows.first).to_contain_text("Key changed")
    expect(rows.first).to_contain_text("127.0.0.1")
    with page.expect_navigation():
        page.get_by_label("Deed").select_option("Key created")
    expect(rows.first).to_contain_text("Key created")
    expect(page.get_by_label("Deed")).to_have_value("key.created")
    with page.expect_navigation():
        rows.first.get_by_role("link", name=key).click()
    expect(rows).to_have_count(1)
    with page.expect_navigation():
        page.get_by_role("link", name="Clear").click()
    with page.expect_navigation():
        page.get_by_text(key).first.click()
    expect(rows).to_have_count(2)
    rows.first.get_by_text("Show").click()
    expect(rows.first).to_contain_text('"changed"')


def test_what_was_found_is_exported(page: Page, site: Site, tmp_path: Path) -> None:
    key = body(basic(site.service, "POST", "/api-keys", json={"name": "exported"}), 201)["id"]
    page.goto(f"/console/audit?target={key}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    download.value.save_as(tmp_path / "audit.jsonl")
    (line,) = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert (json.loads(line)["deed"], json.loads(line)["target"]) == ("key.created", key)


def test_filters_that_find_nothing_say_so(page: Page, page_errors: PageErrors) -> None:
    page_errors.expected = ["422"]
    page.goto("/console/audit?actor=nobody")
    expect(page.get_by_role("heading", name="No records")).to_be_visible()
    page.goto("/console/audit?target=x")
    expect(page.get_by_role("heading", name="A value is not valid")).to_be_visible()
