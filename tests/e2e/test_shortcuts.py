"""Getting around: shortcuts, the search field, presets of options."""

import re

from playwright.sync_api import Page, expect

from tests.contract.admin import basic, body, kept
from tests.e2e import seeds
from tests.e2e.browsers import payload
from tests.e2e.conftest import OpenContext, Site, add_session


def test_question_mark_lists_the_shortcuts(page: Page, site: Site) -> None:
    job = kept(site.service, review_state="pending", detections=[])
    page.goto("/console/review")
    page.get_by_role("button", name="Accept").wait_for()
    page.keyboard.press("?")
    listed = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(listed).to_contain_text("Accept")  # of this page
    expect(listed).to_contain_text("Jobs")  # of all
    page.keyboard.press("a")  # is no verdict now
    page.keyboard.press("Escape")
    expect(listed).to_be_hidden()
    assert body(basic(site.service, "GET", f"/jobs/{job.id}"))["review_state"] == "pending"
    with page.expect_navigation():
        page.keyboard.press("g")
        page.keyboard.press("j")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    basic(site.service, "DELETE", f"/images/{job.image_id}")


def test_search_finds_names_and_ids(page: Page, site: Site) -> None:
    batch = body(basic(site.service, "POST", "/batches", json={"name": "Lantern walk"}), 201)["id"]
    job = kept(site.service, filename="lantern 1.jpg")
    page.goto("/console/keys")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
    page.keyboard.type("LANTERN")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    results = page.get_by_role("main")
    expect(results.get_by_role("link", name="Lantern walk")).to_be_visible()
    expect(results.get_by_role("link", name="lantern 1.jpg")).to_be_visible()
    page.goto(f"/console/search?q={str(job.id)[:8]}")
    expect(results.get_by_role("link", name=str(job.id))).to_be_visible()
    page.goto(f"/console/search?q={batch}")
    expect(page).to_have_url(re.compile(f"/console/batches/{batch}$"))
    page.goto("/console/search?q=%25_nothing")
    expect(page.get_by_text("Nothing found")).to_be_visible()


def test_preset_sets_options_and_masks_again(page: Page) -> None:
    page.goto("/console/test")
    page.get_by_label("Choose an image").set_input_files(payload("portrait.jpg", seeds.portrait()))
    expect(page.get_by_text("1 detected, 1 masked")).to_be_visible()
    preset = page.get_by_role("combobox", name="Preset", exact=True)
    expect(preset).to_have_value("standard")
    with page.expect_response(re.compile(r"/test/mask\?.*cover=head")) as answered:
        preset.select_option("safest")
    assert answered.value.json()["masking"]["method"] == "solid"
    expect(page.get_by_label("Cover", exact=True)).to_have_value("head")
    expect(page.locator("#curl")).to_contain_text("detail=thorough")
    page.get_by_label("Cover", exact=True).select_option("face")
    expect(preset).to_have_value("")
    page.get_by_role("button", name="Save as a preset").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Faces in black")
    page.keyboard.press("Enter")
    page.goto("/console/batches/new")
    preset.select_option("Faces in black")
    expect(page.get_by_label("Method", exact=True)).to_have_value("solid")
    expect(page.get_by_label("Detail", exact=True)).to_have_value("thorough")
    page.get_by_role("button", name="Delete preset").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(preset.get_by_role("option", name="Faces in black")).to_have_count(0)


def test_long_names_of_keys_leave_room_for_buttons(open_context: OpenContext, site: Site) -> None:
    name = "W" * 255
    key = body(basic(site.service, "POST", "/api-keys", json={"name": name}), 201)["id"]
    context = open_context()
    add_session(context, site)
    page = context.new_page()
    try:
        for width in (1280, 1024, 800, 390):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto("/console/keys")
            box = page.get_by_role("row", name=name).get_by_role("button", name="Delete").bounding_box()
            assert box is not None and box["x"] + box["width"] <= width
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    finally:
        basic(site.service, "DELETE", f"/api-keys/{key}")


def test_preset_goes_to_another_browser_by_its_link(page: Page, open_context: OpenContext, site: Site) -> None:
    page.goto("/console/test")
    page.get_by_label("Method", exact=True).select_option("solid")
    page.get_by_label("Strength").fill("auto")
    page.get_by_role("button", name="Save as a preset").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Ours & black")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Copy its link")).to_be_visible()
    link = page.locator("#preset-link").text_content() or ""
    context = open_context()
    add_session(context, site)
    other = context.new_page()
    other.goto(link)
    preset, method = other.get_by_role("combobox", name="Preset", exact=True), other.get_by_label("Method", exact=True)
    dialog = other.get_by_role("dialog", name="Save this preset?")
    expect(dialog).to_contain_text("Ours & black was sent to you by a link. It sets: method=solid, strength=auto")
    dialog.get_by_role("button", name="Cancel").click()
    expect(preset.get_by_role("option", name="Ours & black")).to_have_count(0)
    other.goto("/console/batches/new" + link[link.index("#") :])
    dialog.get_by_role("button", name="Save").click()
    expect(preset.get_by_role("option", name="Ours & black")).to_have_count(1)
    expect(method).to_have_value("gaussian")  # nothing is chosen by opening a link
    preset.select_option("Ours & black")
    expect(method).to_have_value("solid")
    assert "#" not in other.url
    other.goto(link)
    dialog.get_by_role("button", name="Save").click()
    expect(preset.get_by_role("option", name="Ours & black (2)")).to_have_count(1)  # replaces none
