"""Regions on the test page: written as JSON, and drawn over the image."""

import json
import re
from typing import Any

from PIL import Image
from playwright.sync_api import Page, expect

from tests import pictures
from tests.e2e import seeds
from tests.e2e.browsers import payload
from tests.e2e.conftest import PageErrors


def test_regions_are_masked_and_kept(page: Page) -> None:
    page.goto("/console/test")
    page.get_by_label("Strength").fill("auto")
    page.get_by_label("Always mask").fill(seeds.BAND)
    page.get_by_label("Never mask").fill(seeds.BAND.replace("0.9", "0"))
    with page.expect_response(re.compile("/test/mask")) as answered:
        page.get_by_label("Choose an image").set_input_files(payload("portrait.jpg", seeds.portrait()))
    masking = answered.value.json()["masking"]
    assert (masking["strength"], masking["regions_masked"], masking["kept_faces"]) == ("auto", 1, 1)
    expect(page.get_by_text("1 left as they are by your regions.")).to_be_visible()
    line = page.locator("#curl").inner_text()
    assert f"--form-string 'mask_regions={seeds.BAND}'" in line and "?strength=auto" in line


def drawn(page: Page, field: str) -> list[dict[str, Any]]:
    """Return the regions that a field of the test page holds."""
    found: list[dict[str, Any]] = json.loads(page.get_by_label(field, exact=True).input_value() or "[]")
    return found


def test_regions_are_drawn_with_the_mouse(page: Page) -> None:
    page.goto("/console/test")
    page.get_by_label("Choose an image").set_input_files(payload("portrait.jpg", seeds.portrait()))
    expect(page.get_by_text("1 detected, 1 masked")).to_be_visible()
    expect(page.get_by_text(re.compile("Faces of [0-9]+ px and more are seen"))).to_be_visible()
    page.get_by_label("What is drawn").select_option("Never mask")
    picture = page.locator("[data-regions]").bounding_box()
    assert picture is not None
    page.mouse.move(picture["x"] + 15, picture["y"] + 15)
    page.mouse.down()
    page.mouse.move(picture["x"] + picture["width"] / 2, picture["y"] + picture["height"] / 2, steps=3)
    with page.expect_response(re.compile("/test/mask")) as answered:
        page.mouse.move(picture["x"] + picture["width"] - 15, picture["y"] + picture["height"] - 15)
        page.mouse.up()
    assert answered.value.json()["masking"]["kept_faces"] == 1
    expect(page.get_by_role("button", name="Never mask 1")).to_be_focused()
    (region,) = drawn(page, "Never mask")
    assert 20 < region["x1"] < 32 and 20 < region["y1"] < 32 and 480 < region["x2"] < 492
    assert (
        f"keep_regions={page.get_by_label('Never mask', exact=True).input_value()}"
        in page.locator("#curl").inner_text()
    )


def test_regions_are_drawn_with_the_keyboard(page: Page) -> None:
    page.goto("/console/test")
    page.get_by_label("Always mask").fill(seeds.BAND)
    page.get_by_label("Choose an image").set_input_files(payload("portrait.jpg", seeds.portrait()))
    expect(page.get_by_role("button", name="Always mask 1")).to_be_attached()
    expect(page.get_by_text("1 detected, 2 masked")).to_be_visible()
    with page.expect_response(re.compile("/test/mask")):
        page.get_by_role("button", name="Add box").press("Enter")
    expect(page.get_by_role("button", name="Always mask 2")).to_be_focused()
    first, added = drawn(page, "Always mask")
    with page.expect_response(re.compile("/test/mask")) as answered:
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+ArrowDown")
    assert answered.value.json()["masking"]["regions_masked"] == 3
    moved = drawn(page, "Always mask")[1]
    assert (moved["x1"], moved["y1"]) > (added["x1"], added["y1"] - 1) and moved["y1"] == added["y1"]
    assert moved["y2"] > added["y2"] and moved["x2"] > added["x2"]
    page.get_by_role("button", name="Always mask 1").press("ArrowUp")
    raised = drawn(page, "Always mask")[0]
    assert raised["unit"] == first["unit"] == "relative" and 0.8 < raised["y1"] < first["y1"]
    page.get_by_role("button", name="Always mask 2").press("Delete")
    assert drawn(page, "Always mask") == [raised]


def test_image_that_no_browser_shows_is_shown_by_the_service(page: Page) -> None:
    """A HEIC original is seen before and after it is masked, and what is drawn over it is in its own pixels."""
    heic = pictures.file(Image.fromarray(pictures.astronaut()).resize((2048, 2048)), "heic")
    page.goto("/console/test")
    page.get_by_label("Choose an image").set_input_files(payload("IMG_0001.HEIC", heic))
    shown = page.get_by_alt_text("Original")
    expect(shown).to_have_js_property("naturalWidth", 1600)
    expect(page.get_by_text("1 detected, 1 masked")).to_be_visible()
    page.get_by_role("button", name="Add box").click()
    (region,) = drawn(page, "Always mask")
    assert (region["x1"] + region["x2"], region["y1"] + region["y2"]) == (2048, 2048)
    expect(page.get_by_text("2 masked")).to_be_visible()
    expect(page.get_by_text("This browser can't display")).to_have_count(0)


def test_text_that_is_no_regions_is_left(page: Page, page_errors: PageErrors) -> None:
    page_errors.expected = ["422"]
    page.goto("/console/test")
    page.get_by_label("Choose an image").set_input_files(payload("portrait.jpg", seeds.portrait()))
    expect(page.get_by_text("1 detected, 1 masked")).to_be_visible()
    page.get_by_label("Always mask").fill("[{")
    page.get_by_role("button", name="Add box").click()
    expect(page.get_by_label("Always mask")).to_have_value("[{")
    expect(page.get_by_role("alert")).to_contain_text("mask_regions")
